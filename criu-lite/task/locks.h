/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks of files and leases, at restore: see locks.c. */
#ifndef CRL_TASK_LOCKS_H
#define CRL_TASK_LOCKS_H

struct cast;
struct err;

/*
 * Every task has its descriptors and closes none any more: take the locks. EBUSY, with
 * the file, the range and who is in the way, when one cannot be had.
 */
int locks_restore(struct cast *c, struct err *err);

#endif
