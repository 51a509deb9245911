// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resource limits. They are read from /proc/PID/limits, which needs no
 * privilege, and set by the task itself, in a batch: only a hard limit above
 * the one that crl has needs CAP_SYS_RESOURCE. Set near the end, since a small
 * limit would stand in the way of the restore itself.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/proc/limits.h"
#include "crl/proc/records.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

static const char *const limit_names[PROC_LIMITS] = { "cpu", "fsize", "data", "stack",
	"core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
	"msgqueue", "nice", "rtprio", "rttime" };

static int take_limits(
	struct dump_task *t, struct proc_limit limit[PROC_LIMITS], struct err *err)
{
	if (!t->record)
		return limits_read(t->proc, t->buf, limit, err);
	for (int i = 0; i < PROC_LIMITS; i++)
		limit[i] = (struct proc_limit){ t->record->limit[i].soft,
			t->record->limit[i].hard };
	return 0;
}

static int rlimit_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	struct arena *a = t->task->arena;
	TaskRlimitsEntry *all = arena_msg(a, TaskRlimitsEntry, task_rlimits_entry);
	struct proc_limit limit[PROC_LIMITS];
	int ret = take_limits(t->task, limit, err);

	if (ret)
		return ret;
	all->n_rlimits = PROC_LIMITS;
	all->rlimits = arena_alloc(a, PROC_LIMITS * sizeof(*all->rlimits));
	for (int i = 0; i < PROC_LIMITS; i++) {
		all->rlimits[i] = arena_msg(a, RlimitEntry, rlimit_entry);
		all->rlimits[i]->cur = limit[i].soft;
		all->rlimits[i]->max = limit[i].hard;
	}
	t->core->tc->rlimits = all;
	return 0;
}

/* A new task has the limits of crl. */
static int rlimit_restore(struct restore_thread *t, struct err *err)
{
	const TaskRlimitsEntry *all = t->core->tc->rlimits;

	for (size_t i = 0; i < all->n_rlimits; i++) {
		struct rlimit now, want = { all->rlimits[i]->cur, all->rlimits[i]->max };

		if (!getrlimit(i, &now) && now.rlim_cur == want.rlim_cur &&
			now.rlim_max == want.rlim_max)
			continue;
		batch_call4(&t->p->b, limit_names[i], SYS_prlimit64, 0, i,
			batch_in(&t->p->b, &want, sizeof(want)), 0);
	}
	return 0;
}

static int rlimit_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const TaskRlimitsEntry *all = core->tc->rlimits;

	if (!all || all->n_rlimits > PROC_LIMITS)
		return err_set(err, EINVAL, all ? "more than 16" : "none in the image");
	for (size_t i = 0; i < all->n_rlimits; i++) {
		const RlimitEntry *e = all->rlimits[i];
		struct rlimit now;

		if (e->cur > e->max)
			return err_set(err, EINVAL, "%s: soft limit above hard limit",
				limit_names[i]);
		if (getrlimit(i, &now))
			return err_os(err, errno, "%s", limit_names[i]);
	}
	return 0;
}

const struct task_ops rlimit_ops = {
	.name = "resource limits",
	.scope = TASK_WHOLE,
	.take = rlimit_take,
	.restore = rlimit_restore,
	.verify = rlimit_verify,
};
