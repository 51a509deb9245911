// SPDX-License-Identifier: GPL-2.0-only
/* Freezing small trees and letting them go in every way. */
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "crl/freeze.h"
#include "freeze/fixture.h"
#include "proc/load.h"

static struct err err;

/* 13 processes of 3 threads each. */
static void small_tree(struct fixture *fx)
{
	fixture_grow(fx, 2, 3, 3);
}

static struct fixture *start_small_tree(void)
{
	struct fixture *fx = fixture_new();

	fixture_start(fx, small_tree);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 39));
	return fx;
}

static void freeze(pid_t root, struct frozen_tree *tree)
{
	int ret = freeze_tree(root, NULL, tree, &err);

	if (ret)
		printf("freeze: %s\n", err.text);
	CU_ASSERT_EQUAL_FATAL(ret, 0);
}

static void check_thread(const struct frozen_task *task, size_t i)
{
	pid_t tid = task->threads[i].tid;

	CU_ASSERT_EQUAL(fixture_state(tid), 't');
	CU_ASSERT_EQUAL(fixture_status(tid, "TracerPid"), gettid());
	CU_ASSERT_EQUAL(fixture_status(tid, "Tgid"), task->pid);
	CU_ASSERT(i == 0 ? tid == task->pid : tid != task->pid);
	if (i > 1)
		CU_ASSERT(tid > task->threads[i - 1].tid);
}

static void check_task(const struct frozen_tree *tree, const struct frozen_task *task)
{
	int at = (int)(task - tree->tasks);

	CU_ASSERT_EQUAL(task->state, FROZEN_ALIVE);
	CU_ASSERT_EQUAL(task->pgid, tree->tasks[0].pid);
	CU_ASSERT_EQUAL(task->sid, getsid(0));
	CU_ASSERT_STRING_EQUAL(task->comm, "fx-root");
	CU_ASSERT(task->start_time > 0);
	CU_ASSERT_EQUAL(fixture_status(task->pid, "PPid"), task->ppid);
	CU_ASSERT(task->parent < at);
	CU_ASSERT_EQUAL(task->parent < 0, at == 0);
	if (at)
		CU_ASSERT_EQUAL(tree->tasks[task->parent].pid, task->ppid);
	for (size_t i = 0; i < task->n_threads; i++)
		check_thread(task, i);
}

static void run_on(void)
{
	struct fixture *fx = start_small_tree();
	struct frozen_tree tree;

	for (int round = 0; round < 5; round++) {
		freeze(fx->root, &tree);
		CU_ASSERT_EQUAL(tree.tasks[0].pid, fx->root);
		CU_ASSERT_EQUAL(tree.n_tasks, 13);
		CU_ASSERT_EQUAL(tree.n_threads, 39);
		for (size_t i = 0; i < tree.n_tasks; i++)
			check_task(&tree, &tree.tasks[i]);
		CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
		CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
		for (size_t i = 0; i < tree.n_threads; i++)
			CU_ASSERT_EQUAL(
				fixture_status(tree.threads[i].tid, "TracerPid"), 0);
		CU_ASSERT_TRUE(fixture_runs(fx));
		frozen_tree_deinit(&tree);
		CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_KILL, &err), 0);
	}
	fixture_free(fx);
}

/* Registers can be read, and no second event stop is pending behind the first. */
static void check_clean(pid_t tid)
{
	siginfo_t si;
	int status = 0;

	CU_ASSERT_EQUAL(ptrace(PTRACE_GETSIGINFO, tid, 0, &si), 0);
	CU_ASSERT_EQUAL(si.si_code >> 8, PTRACE_EVENT_STOP);
	CU_ASSERT_EQUAL(waitpid(tid, &status, __WALL | WNOHANG), 0);
	CU_ASSERT_EQUAL(ptrace(PTRACE_SYSCALL, tid, 0, 0), 0);
	CU_ASSERT_EQUAL(waitpid(tid, &status, __WALL), tid);
	CU_ASSERT_EQUAL(status >> 8, SIGTRAP);
}

static void clean_stop(void)
{
	struct fixture *fx = start_small_tree();
	struct frozen_tree tree;

	freeze(fx->root, &tree);
	for (size_t i = 0; i < tree.n_threads; i++)
		check_clean(tree.threads[i].tid);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
	CU_ASSERT_TRUE(fixture_runs(fx));
	frozen_tree_deinit(&tree);
	kill(fx->root, SIGSTOP);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(fx->root) == 'T'));
	freeze(fx->root, &tree);
	check_clean(fx->root);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(fx->root) == 'T'));
	kill(fx->root, SIGCONT);
	CU_ASSERT_TRUE(fixture_runs(fx));
	frozen_tree_deinit(&tree);
	fixture_free(fx);
}

static void leave_stopped(void)
{
	struct fixture *fx = start_small_tree();
	struct frozen_tree tree;

	freeze(fx->root, &tree);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_STOP, &err), 0);
	for (size_t i = 0; i < tree.n_threads; i++)
		CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(tree.threads[i].tid) == 'T'));
	kill(-fx->root, SIGCONT);
	CU_ASSERT_TRUE(fixture_runs(fx));
	frozen_tree_deinit(&tree);
	fixture_free(fx);
}

static void kill_all(void)
{
	struct fixture *fx = start_small_tree();
	struct frozen_tree tree;
	int status = 0;

	freeze(fx->root, &tree);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_KILL, &err), 0);
	/* Our own children, the root and then its orphans, are left for us to collect. */
	for (size_t i = 0; i < tree.n_threads; i++) {
		char state = fixture_state(tree.threads[i].tid);

		CU_ASSERT(state == 0 || state == 'Z');
	}
	CU_ASSERT_EQUAL(waitpid(fx->root, &status, 0), fx->root);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_KILL, &err), 0);
	frozen_tree_deinit(&tree);
	fixture_free(fx);
}

/* Those killed while they are held are no obstacle. */
static void killed_meanwhile(void)
{
	struct fixture *fx = start_small_tree();
	struct frozen_tree tree;
	pid_t victim;

	freeze(fx->root, &tree);
	victim = tree.tasks[12].pid;
	kill(victim, SIGKILL);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
	CU_ASSERT_EQUAL(fixture_state(victim), 'Z');
	CU_ASSERT_EQUAL(fixture_status(victim, "TracerPid"), 0);
	frozen_tree_deinit(&tree);
	fixture_free(fx);
}

static void check_group_stop(int signo)
{
	struct fixture *fx = start_small_tree();
	struct frozen_tree tree;
	int status;

	kill(fx->root, signo);
	CU_ASSERT_EQUAL(waitpid(fx->root, &status, WUNTRACED), fx->root);
	CU_ASSERT(WIFSTOPPED(status));
	for (int round = 0; round < 3; round++) {
		freeze(fx->root, &tree);
		CU_ASSERT_EQUAL(tree.n_tasks, 13);
		for (size_t i = 0; i < tree.n_tasks; i++) {
			CU_ASSERT_EQUAL(
				tree.tasks[i].state, i ? FROZEN_ALIVE : FROZEN_STOPPED);
			CU_ASSERT_EQUAL(tree.tasks[i].stop_signal, i ? 0 : signo);
		}
		CU_ASSERT_EQUAL(freeze_release(&tree,
					round == 1 ? FREEZE_STOP : FREEZE_RUN, &err),
			0);
		if (round == 1)
			for (size_t i = 1; i < tree.n_tasks; i++)
				kill(tree.tasks[i].pid, SIGCONT);
		for (size_t i = 0; i < tree.tasks[0].n_threads; i++)
			CU_ASSERT_TRUE(FIXTURE_UNTIL(
				fixture_state(tree.tasks[0].threads[i].tid) == 'T'));
		frozen_tree_deinit(&tree);
	}
	kill(fx->root, SIGCONT);
	CU_ASSERT_TRUE(fixture_runs(fx));
	fixture_free(fx);
}

static void group_stop(void)
{
	check_group_stop(SIGSTOP);
	check_group_stop(SIGTSTP);
}

static void with_zombie(struct fixture *fx)
{
	pid_t pid = fork();

	if (!pid)
		_exit(7);
	fx->go = pid;
	fixture_count(fx);
}

static void zombie(void)
{
	struct fixture *fx = fixture_new();
	struct frozen_tree tree;

	fixture_start(fx, with_zombie);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 1));
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(fx->go) == 'Z'));
	freeze(fx->root, &tree);
	CU_ASSERT_EQUAL_FATAL(tree.n_tasks, 2);
	CU_ASSERT_EQUAL(tree.n_threads, 1);
	CU_ASSERT_EQUAL(tree.tasks[1].pid, fx->go);
	CU_ASSERT_EQUAL(tree.tasks[1].n_threads, 0);
	CU_ASSERT_EQUAL(tree.tasks[1].state, FROZEN_ZOMBIE);
	freeze_release(&tree, FREEZE_RUN, &err);
	frozen_tree_deinit(&tree);
	CU_ASSERT_TRUE(fixture_runs(fx));
	fixture_free(fx);
}

static void long_chain(struct fixture *fx)
{
	int left = 200;

	while (left-- && !fork())
		;
	fixture_count(fx);
}

static void deep(void)
{
	struct fixture *fx = fixture_new();
	struct frozen_tree tree;

	fixture_start(fx, long_chain);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 201));
	freeze(fx->root, &tree);
	CU_ASSERT_EQUAL_FATAL(tree.n_tasks, 201);
	for (size_t i = 0; i < tree.n_tasks; i++)
		CU_ASSERT_EQUAL(tree.tasks[i].parent, (int)i - 1);
	freeze_release(&tree, FREEZE_RUN, &err);
	CU_ASSERT_TRUE(fixture_runs(fx));
	frozen_tree_deinit(&tree);
	fixture_free(fx);
}

/* The caller's signals are as they were. */
static void leaves_no_trace(void)
{
	struct fixture *fx = start_small_tree();
	struct frozen_tree tree;
	struct sigaction action;
	sigset_t before, after;

	sigprocmask(SIG_BLOCK, NULL, &before);
	sigaddset(&before, SIGRTMAX);
	sigprocmask(SIG_SETMASK, &before, NULL);
	freeze(fx->root, &tree);
	freeze_release(&tree, FREEZE_RUN, &err);
	sigprocmask(SIG_BLOCK, NULL, &after);
	CU_ASSERT_EQUAL(memcmp(&before, &after, 8), 0);
	sigaction(SIGRTMAX, NULL, &action);
	CU_ASSERT_PTR_EQUAL(action.sa_handler, SIG_DFL);
	CU_ASSERT(sizeof(struct frozen_task) <= 200);
	CU_ASSERT(sizeof(struct frozen_thread) <= 16);
	sigdelset(&before, SIGRTMAX);
	sigprocmask(SIG_SETMASK, &before, NULL);
	frozen_tree_deinit(&tree);
	fixture_free(fx);
}

int main(void)
{
	static const struct test tests[] = {
		{ "frozen, then running on", run_on },
		{ "a clean stop", clean_stop },
		{ "left stopped", leave_stopped },
		{ "killed", kill_all },
		{ "killed by others meanwhile", killed_meanwhile },
		{ "in group-stop before", group_stop },
		{ "a zombie", zombie },
		{ "200 generations", deep },
		{ "signals of the caller", leaves_no_trace },
	};

	return RUN_TESTS("freeze", tests);
}
