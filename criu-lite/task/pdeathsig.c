// SPDX-License-Identifier: GPL-2.0-only
/* The signal that a thread gets when the thread that made it dies (PR_SET_PDEATHSIG). */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "crl/puppet.h"
#include "task/task.h"

static int pdeathsig_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call2(b, "PR_GET_PDEATHSIG", SYS_prctl, PR_GET_PDEATHSIG,
		batch_out(b, sizeof(int)));
	return 0;
}

static int pdeathsig_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	const struct batch_op *op = (const struct batch_op *)b->local + first;
	int sig = *(int *)batch_at(b, op->arg[1]);

	if (sig) {
		t->core->thread_core->has_pdeath_sig = true;
		t->core->thread_core->pdeath_sig = sig;
	}
	return 0;
}

static int pdeathsig_restore(struct restore_thread *t, struct err *err)
{
	batch_call2(&t->p->b, "PR_SET_PDEATHSIG", SYS_prctl, PR_SET_PDEATHSIG,
		t->core->thread_core->pdeath_sig);
	return 0;
}

const struct task_ops pdeathsig_ops = {
	.name = "parent death signal",
	.scope = TASK_THREAD,
	.ask = pdeathsig_ask,
	.take = pdeathsig_take,
	.restore = pdeathsig_restore,
};
