// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Letting a frozen tree go.
 *
 * Running on: PTRACE_DETACH is enough, the kernel puts a thread whose process is
 * in group-stop back into it. Stopped: a SIGSTOP that is pending when a thread
 * is detached strikes before it runs any code, and stops its siblings. Killed:
 * a thread that we trace, and the leader behind its threads, is gone only when
 * we have collected it; only then does its parent hear of its death.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/cgroup.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/freeze.h"
#include "freezing.h"
#include "seize.h"
#include "tick.h"

#define KILL_NS	  10000000000LL /* until everybody must be dead */
#define DYING_NS  1000000000LL	/* for those whom somebody else has killed */
#define PERIOD_NS 20000000L

static void nothing(void *arg)
{
}

/*
 * Collect a thread that we have killed: to its tracer a thread is a child, except
 * for the leader of a child of our own, which is for whoever started it to collect.
 */
static int await_killed(pid_t tid, long long deadline)
{
	while (waitid(P_PID, tid, &(siginfo_t){ 0 }, WEXITED | __WALL)) {
		if (errno != EINTR)
			return 0;
		if (freezing_now() >= deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

/* Collect a thread that is dying; -ETIMEDOUT when that takes too long. */
static int await_death(pid_t tid, long long deadline)
{
	int ret;

	do {
		ret = seize_reap(tid, 0);
	} while ((ret == -EINTR || ret == -EAGAIN) && freezing_now() < deadline);
	return ret == -EINTR || ret == -EAGAIN ? -ETIMEDOUT : 0;
}

/* Leaders last: the death of one is told only when its other threads are gone. */
static int for_threads(struct frozen_task *task, int (*fn)(pid_t tid, long long deadline),
	long long deadline)
{
	int ret = 0;

	for (size_t i = task->n_threads; i-- > 0;) {
		struct frozen_thread *thread = &task->threads[i];
		int one = thread->attached ? fn(thread->tid, deadline) : 0;

		thread->attached = 0;
		if (one && !ret)
			ret = one;
	}
	return ret;
}

static int detach(pid_t tid, long long deadline)
{
	if (seize_detach(tid) == -ESRCH)
		await_death(tid, freezing_now() + DYING_NS);
	return 0;
}

static bool held(const struct frozen_task *task)
{
	return task->n_threads && task->threads[0].attached;
}

static int kill_all(struct frozen_tree *tree, struct err *err)
{
	long long deadline = freezing_now() + KILL_NS;
	int ret = 0;

	for (size_t i = 0; i < tree->n_tasks; i++)
		if (held(&tree->tasks[i]) && !FAULT(KILL))
			kill(tree->tasks[i].pid, SIGKILL);
	for (size_t i = 0; i < tree->n_tasks; i++) {
		struct frozen_task *task = &tree->tasks[i];

		bool own = task->ppid == getpid();

		if (for_threads(task, own ? await_death : await_killed, deadline) && !ret)
			ret = err_set(err, ETIMEDOUT,
				"pid %d (%s): killed, but did not die", task->pid,
				task->comm);
	}
	return ret;
}

static void let_go(struct frozen_tree *tree, bool stop)
{
	for (size_t i = 0; i < tree->n_tasks; i++) {
		struct frozen_task *task = &tree->tasks[i];

		if (!FAULT(LET_GO) && stop && held(task) && task->state != FROZEN_STOPPED)
			kill(task->pid, SIGSTOP);
		for_threads(task, detach, 0);
	}
}

int freeze_release(struct frozen_tree *tree, enum freeze_end how, struct err *err)
{
	struct tick tick = { 0 };
	int ret = 0;

	if (!tree->n_tasks)
		return 0;
	/* Without the clock nothing is lost but the limit on the waiting. */
	tick_start(&tick, PERIOD_NS, nothing, NULL, &(struct err){ 0 });
	if (how == FREEZE_KILL) {
		ret = kill_all(tree, err);
		cgroup_freezer_release(tree->cgroup, false);
	} else {
		cgroup_freezer_release(tree->cgroup, true);
		let_go(tree, how == FREEZE_STOP);
	}
	tree->cgroup = NULL;
	tick_stop(&tick);
	return ret;
}

void frozen_tree_deinit(struct frozen_tree *tree)
{
	free(tree->tasks);
	free(tree->threads);
	*tree = (struct frozen_tree){ 0 };
}
