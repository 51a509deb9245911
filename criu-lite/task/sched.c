// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scheduling of a thread: policy, nice value or priority (sched_getattr(2)),
 * and, in fields of our own, affinity, io priority (ioprio_get(2)) and timer
 * slack. All of it is read from outside.
 *
 * SCHED_DEADLINE has parameters that the image format has no place for, and
 * SCHED_EXT needs a scheduler that is loaded: both are refused.
 *
 * While a tree is being restored, crl and all of it stay on one cpu: they only
 * ever run in turns, and waking somebody on another cpu costs more than a batch.
 * Affinity is given back at the end, as far as the cpus of this machine allow;
 * where none of the old ones exists, the task gets what crl had, with a warning.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/log.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "snapshot/obstacles.h"
#include "task/sched.h"
#include "task/task.h"

#define POLICY_DEADLINE	   6
#define POLICY_EXT	   7
#define POLICY_RESET	   0x40000000 /* SCHED_RESET_ON_FORK, as the image has it */
#define FLAG_RESET_ON_FORK 1
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_SHIFT                                                               \
	13 /* class 0: follows the nice value; kernels before 6.0 say 4 then */

struct sched_attributes { /* struct sched_attr, first version */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static CrlThread *ours(struct dump_thread *t)
{
	ThreadCoreEntry *tc = t->core->thread_core;

	if (!tc->crl)
		tc->crl = arena_msg(t->task->arena, CrlThread, crl_thread);
	return tc->crl;
}

static int take_affinity(struct dump_thread *t, struct err *err)
{
	uint64_t mask[AFFINITY_WORDS] = { 0 };
	long n = syscall(SYS_sched_getaffinity, t->tid, sizeof(mask), mask);
	CrlThread *own = ours(t);

	if (n < 0)
		return err_os(err, errno, "sched_getaffinity");
	own->n_affinity = n / 8;
	own->affinity = arena_copy(t->task->arena, mask, n);
	return 0;
}

static int take_slack(struct dump_thread *t, const struct batch *b, unsigned first)
{
	int64_t slack = batch_ret(b, first);

	ours(t)->has_timer_slack_ns = true;
	ours(t)->timer_slack_ns = slack;
	return 0;
}

static int sched_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call1(b, "PR_GET_TIMERSLACK", SYS_prctl, PR_GET_TIMERSLACK);
	return 0;
}

static int sched_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	ThreadCoreEntry *tc = t->core->thread_core;
	struct sched_attributes attr = { 0 };
	long ioprio;

	if (syscall(SYS_sched_getattr, t->tid, &attr, sizeof(attr), 0))
		return err_os(err, errno, "sched_getattr");
	if (attr.policy == POLICY_DEADLINE || attr.policy == POLICY_EXT)
		obstacles_add(t->task->obstacles, t->task->pid, t->task->stat.comm,
			"give the thread another policy with chrt first",
			"thread %d: scheduling policy %s cannot be carried", t->tid,
			attr.policy == POLICY_EXT ? "SCHED_EXT" : "SCHED_DEADLINE");
	tc->has_sched_policy = true;
	tc->sched_policy =
		attr.policy | (attr.flags & FLAG_RESET_ON_FORK ? POLICY_RESET : 0);
	if (attr.policy == SCHED_FIFO || attr.policy == SCHED_RR) {
		tc->has_sched_prio = true;
		tc->sched_prio = attr.priority;
	}
	/* Real-time and idle threads keep a nice value too, which sched_getattr does not
	 * tell. */
	errno = 0;
	tc->sched_nice = getpriority(PRIO_PROCESS, t->tid);
	if (errno)
		return err_os(err, errno, "getpriority");
	tc->has_sched_nice = true;
	ioprio = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, t->tid);
	if (ioprio >> IOPRIO_CLASS_SHIFT > 0) {
		ours(t)->has_ioprio = true;
		ours(t)->ioprio = ioprio;
	}
	take_slack(t, b, first);
	return take_affinity(t, err);
}

int sched_own_cpus(struct sched_cpus *cpus, struct err *err)
{
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(cpus->mask), cpus->mask);

	if (n < 0)
		return err_os(err, errno, "sched_getaffinity");
	cpus->bytes = n;
	return 0;
}

void sched_stay_here(void)
{
	int cpu = sched_getcpu();
	uint64_t mask[AFFINITY_WORDS] = { 0 };

	if (cpu < 0 || cpu >= AFFINITY_WORDS * 64)
		return;
	mask[cpu / 64] = 1ull << cpu % 64;
	syscall(SYS_sched_setaffinity, 0, sizeof(mask),
		mask); /* slower without, not wrong */
}

int sched_spread(pid_t tid, const CoreEntry *core, const struct sched_cpus *own,
	const struct log *log, struct err *err)
{
	const CrlThread *ours = core ? core->thread_core->crl : NULL;

	if (ours && ours->n_affinity) {
		if (!syscall(SYS_sched_setaffinity, tid, ours->n_affinity * 8,
			    ours->affinity))
			return 0;
		if (errno != EINVAL)
			return err_os(err, errno, "sched_setaffinity");
		log_warn(log, "thread %d: none of the cpus it was bound to is here", tid);
	}
	if (syscall(SYS_sched_setaffinity, tid, own->bytes, own->mask))
		return err_os(err, errno, "sched_setaffinity");
	return 0;
}

static void restore_own(struct restore_thread *t, const CrlThread *own)
{
	struct batch *b = &t->p->b;

	if (own->has_timer_slack_ns)
		batch_call2(b, "PR_SET_TIMERSLACK", SYS_prctl, PR_SET_TIMERSLACK,
			own->timer_slack_ns);
	if (own->has_ioprio)
		batch_call3(b, "ioprio_set", SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
			own->ioprio);
}

static int restore_policy(struct restore_thread *t, struct err *err)
{
	const ThreadCoreEntry *tc = t->core->thread_core;
	struct sched_attributes now = { 0 }, attr = {
		.size = sizeof(attr),
		.policy = tc->sched_policy & ~POLICY_RESET,
		.flags = tc->sched_policy & POLICY_RESET ? FLAG_RESET_ON_FORK : 0,
		.nice = tc->sched_nice,
		.priority = tc->sched_prio,
	};

	if (syscall(SYS_sched_getattr, t->tid, &now, sizeof(now), 0))
		return err_os(err, errno, "sched_getattr");
	if (now.policy == attr.policy && now.nice == attr.nice &&
		now.priority == attr.priority &&
		(now.flags & FLAG_RESET_ON_FORK) == attr.flags)
		return 0;
	if (syscall(SYS_sched_setattr, t->tid, &attr, 0))
		return err_os(err, errno,
			"sched_setattr (policy %u, nice %d, priority %u)", attr.policy,
			attr.nice, attr.priority);
	return 0;
}

static int sched_restore(struct restore_thread *t, struct err *err)
{
	const ThreadCoreEntry *tc = t->core->thread_core;
	int ret = 0;

	if (tc->crl)
		restore_own(t, tc->crl);
	if (!ret && (tc->has_sched_policy || tc->has_sched_nice))
		ret = restore_policy(t, err);
	if (ret || !tc->has_sched_nice)
		return ret;
	errno = 0;
	if (getpriority(PRIO_PROCESS, t->tid) == tc->sched_nice && !errno)
		return 0;
	if (setpriority(PRIO_PROCESS, t->tid, tc->sched_nice))
		return err_os(err, errno, "set the nice value %d", tc->sched_nice);
	return 0;
}

const struct task_ops sched_ops = {
	.name = "scheduling",
	.scope = TASK_THREAD,
	.ask = sched_ask,
	.take = sched_take,
	.restore = sched_restore,
};
