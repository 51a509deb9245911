/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_RESTART_H
#define CRL_TASK_RESTART_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/core.pb-c.h"

struct arch_regs;
struct err;
struct proc_status;

/*
 * Registers of a thread that was stopped in a call which gives EINTR for any
 * stop (epoll_wait and the like): repeat it when it waits without a limit and
 * no signal is on its way.
 */
void restart_repeat(struct arch_regs *regs, const struct proc_status *status);

/*
 * The image has a thread that was stopped in a call in front of it. Put *regs
 * behind it, where the kernel had the thread: when a signal arrives first, its
 * handler must find the call interrupted, and not about to begin.
 */
void restart_state(const CoreEntry *core, struct arch_regs *regs);

/*
 * A thread whose interrupted call has a rest of its time to wait: make the call
 * by the instruction at `insn`, with `req` (memory of the thread, 16 bytes,
 * written through `req_here`), stop in it, and put into *regs what continues it.
 * Nothing happens for other threads. All signals must be blocked.
 */
int restart_call(pid_t tid, const CoreEntry *core, uint64_t insn, uint64_t req,
	void *req_here, struct arch_regs *regs, struct err *err);

#endif
