/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_RSEQ_H
#define CRL_TASK_RSEQ_H

#include <sys/types.h>

struct arch_regs;
struct err;

/* Move a stopped thread out of a critical section: `regs` get the abort address. */
int rseq_leave(pid_t tid, struct arch_regs *regs, struct err *err);

#endif
