// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signal mask of a thread. PTRACE_GETSIGMASK gives the one that the thread
 * returns to when it sits in sigsuspend(2), ppoll(2) and the like: the call is
 * made again after a restore, with its own temporary mask.
 *
 * Restored last, from outside (revive.c): until then all signals are blocked.
 */
#include <errno.h>
#include <sys/ptrace.h>

#include "crl/err.h"
#include "task/task.h"

static int sigmask_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	if (t->leader) {
		t->core->tc->blk_sigset = t->sigmask;
	} else {
		t->core->thread_core->has_blk_sigset = true;
		t->core->thread_core->blk_sigset = t->sigmask;
	}
	return 0;
}

const struct task_ops sigmask_ops = {
	.name = "signal mask",
	.scope = TASK_THREAD,
	.take = sigmask_take,
};
