/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads that wait in vfork. */
#ifndef CRL_FREEZE_VFORK_H
#define CRL_FREEZE_VFORK_H

#include <sys/types.h>

struct freezing;
struct seized;

/*
 * The thread sleeps uninterruptibly: if that is for a vfork child which we
 * hold, let the child run until it calls exec or exits.
 */
void vfork_help(struct freezing *f, struct seized *s);

/* The thread no longer waits: its child is to stop like everybody else. */
void vfork_done(struct freezing *f, struct seized *s);

#endif
