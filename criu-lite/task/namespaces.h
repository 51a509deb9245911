/* SPDX-License-Identifier: GPL-2.0-only */
/* Namespaces a task is in: see namespaces.c. */
#ifndef CRL_TASK_NAMESPACES_H
#define CRL_TASK_NAMESPACES_H

#include <stdint.h>

struct dump_task;
struct err;

#define NAMESPACES 8

/* Inodes of the namespaces of the process behind a /proc/PID directory. */
int namespaces_read(int proc, uint64_t inode[NAMESPACES], struct err *err);

/* Every namespace that is not crl's own becomes an obstacle. */
int namespaces_check(struct dump_task *t, const uint64_t own[NAMESPACES], struct err *err);

#endif
