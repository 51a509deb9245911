/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_RSEQ_H
#define CRL_TASK_RSEQ_H

struct dump_thread;
struct err;

/*
 * Fill t->rseq, and move the stopped thread out of a critical section: t->regs
 * get the abort address.
 */
int rseq_leave(struct dump_thread *t, struct err *err);

#endif
