/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files without a name (eventfd, signalfd, timerfd, epoll) share: they
 * are told apart by what their link reads, say what they hold in fdinfo, and
 * have few flags.
 */
#ifndef CRL_FD_ANON_H
#define CRL_FD_ANON_H

#include <stdbool.h>
#include <stdint.h>

#include "crl/proc/text.h"
#include "proto/fown.pb-c.h"

struct err;
struct fd_view;

/* Does its link read anon_inode:NAME? */
bool anon_is(const struct fd_view *v, const char *name);

/* The lines that fdinfo has for this kind of file; they last until the task's next
 * reading. */
int anon_fdinfo(const struct fd_view *v, struct proc_text *lines, struct err *err);

/* Flags and owner of a file just made. */
int anon_params(int fd, uint32_t flags, const FownEntry *owner, struct err *err);

#endif
