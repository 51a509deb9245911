// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of a task, in the order in which a restore sets them. The
 * order matters where a comment says so.
 */
#include "crl/batch.h"
#include "crl/err.h"
#include "task/task.h"

extern const struct task_ops personality_ops, comm_ops, sigaction_ops, sigmask_ops,
	tid_address_ops, robust_list_ops, altstack_ops, rseq_ops, sched_ops, procattr_ops,
	membarrier_ops, rlimit_ops, sigpending_ops, itimer_ops, posix_timer_ops,
	subreaper_ops, creds_ops, pdeathsig_ops, seccomp_ops, registers_ops, restart_ops;

const struct task_ops *const task_table[] = {
	&personality_ops,
	&comm_ops,
	&sched_ops,
	&procattr_ops,	/* written from outside, while the task still has our credentials
			 */
	&sigaction_ops, /* discards signals that the making of children left behind ... */
	&sigpending_ops, /* ... so what was pending comes after it */
	&sigmask_ops,
	&tid_address_ops,
	&robust_list_ops,
	&altstack_ops,
	&rseq_ops,
	&membarrier_ops,
	&subreaper_ops,
	&posix_timer_ops,
	&itimer_ops,
	&rlimit_ops,
	&seccomp_ops, /* suspended until the end; needs the privilege that creds_ops drops
		       */
	&creds_ops,
	&pdeathsig_ops, /* a change of credentials clears it */
	&registers_ops,
	&restart_ops,
};
const unsigned task_table_size = sizeof(task_table) / sizeof(task_table[0]);

static bool task_applies(const struct task_ops *ops, bool leader)
{
	return ops->scope == TASK_THREAD || leader;
}

int task_ask(struct dump_thread *t, struct batch *b, unsigned *first, struct err *err)
{
	for (unsigned i = 0; i < task_table_size; i++) {
		const struct task_ops *ops = task_table[i];
		int ret;

		first[i] = b->count;
		if (!ops->ask || !task_applies(ops, t->leader))
			continue;
		ret = ops->ask(t, b, err);
		if (ret)
			return err_in(err, ret, "%s", ops->name);
	}
	return 0;
}

int task_take(struct dump_thread *t, const struct batch *b, const unsigned *first,
	struct err *err)
{
	for (unsigned i = 0; i < task_table_size; i++) {
		const struct task_ops *ops = task_table[i];
		int ret;

		if (!ops->take || !task_applies(ops, t->leader))
			continue;
		ret = ops->take(t, b, first[i], err);
		if (ret)
			return err_in(err, ret, "%s", ops->name);
	}
	return 0;
}

int task_restore(struct restore_thread *t, struct err *err)
{
	for (unsigned i = 0; i < task_table_size; i++) {
		const struct task_ops *ops = task_table[i];
		int ret;

		if (!ops->restore || !task_applies(ops, t->leader))
			continue;
		ret = ops->restore(t, err);
		if (ret)
			return err_in(err, ret, "%s", ops->name);
	}
	return 0;
}

int task_verify(const CoreEntry *core, bool leader, struct err *err)
{
	for (unsigned i = 0; i < task_table_size; i++) {
		const struct task_ops *ops = task_table[i];
		int ret;

		if (!ops->verify || !task_applies(ops, leader))
			continue;
		ret = ops->verify(core, leader, err);
		if (ret)
			return err_in(err, ret, "%s", ops->name);
	}
	return 0;
}
