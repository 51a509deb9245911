// SPDX-License-Identifier: GPL-2.0-only
/* PR_SET_CHILD_SUBREAPER: orphans below the task come to it instead of init. */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "crl/puppet.h"
#include "task/task.h"

static int subreaper_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call2(b, "PR_GET_CHILD_SUBREAPER", SYS_prctl, PR_GET_CHILD_SUBREAPER,
		batch_out(b, sizeof(int)));
	return 0;
}

static int subreaper_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	const struct batch_op *op = (const struct batch_op *)b->local + first;

	t->core->tc->has_child_subreaper = true;
	t->core->tc->child_subreaper = *(int *)batch_at(b, op->arg[1]) != 0;
	return 0;
}

static int subreaper_restore(struct restore_thread *t, struct err *err)
{
	batch_call2(&t->p->b, "PR_SET_CHILD_SUBREAPER", SYS_prctl, PR_SET_CHILD_SUBREAPER,
		t->core->tc->child_subreaper);
	return 0;
}

const struct task_ops subreaper_ops = {
	.name = "child subreaper",
	.scope = TASK_WHOLE,
	.ask = subreaper_ask,
	.take = subreaper_take,
	.restore = subreaper_restore,
};
