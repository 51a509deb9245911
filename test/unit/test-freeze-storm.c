// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trees that change as fast as they can while they are frozen, signals that
 * arrive meanwhile, and freezers that are killed.
 */
#include <spawn.h>
#include <sys/syscall.h>

#include "crl/freeze.h"
#include "freeze/fixture.h"
#include "proc/load.h"

#define LIVE_MAX 200 /* and none of them spins: a machine must bear this */

static struct err err;

struct census {
	const struct frozen_tree *tree;
	int running, missing, held;
};

static bool in_tree(const struct frozen_tree *tree, pid_t tid)
{
	for (size_t i = 0; i < tree->n_threads; i++)
		if (tree->threads[i].tid == tid)
			return true;
	return false;
}

static void count_thread(pid_t pid, pid_t tid, void *arg)
{
	struct census *census = arg;
	char state = fixture_state(tid);

	if (state == 'Z' || state == 'X' || state == 0)
		return;
	census->held++;
	census->running += state != 't' || fixture_status(tid, "TracerPid") != gettid();
	census->missing += !in_tree(census->tree, tid);
}

/* Freeze, look for anybody who was forgotten, and let go. */
static void freeze_round(struct fixture *fx)
{
	struct census census = { 0 };
	struct frozen_tree tree;
	int ret = freeze_tree(fx->root, NULL, &tree, &err);

	if (ret)
		printf("freeze: %s\n", err.text);
	CU_ASSERT_EQUAL_FATAL(ret, 0);
	census.tree = &tree;
	fixture_each_thread(fx, count_thread, &census);
	CU_ASSERT_EQUAL(census.running, 0);
	CU_ASSERT_EQUAL(census.missing, 0);
	CU_ASSERT_EQUAL(census.held, (int)tree.n_threads);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
	frozen_tree_deinit(&tree);
}

/* Freeze again and again, but each time only when the storm has moved on. */
static void freeze_rounds(struct fixture *fx, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		long was = fx->count[0];

		CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->count[0] > was + 5));
		freeze_round(fx);
	}
}

/* go: how many are alive. Everybody forks, and exits by chance; orphans go to the root. */
static void fork_bomb(struct fixture *fx)
{
	pid_t root = getpid();
	unsigned int seed = 1;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		if (atomic_fetch_add(&fx->go, 1) < LIVE_MAX) {
			if (!fork())
				seed = (unsigned int)getpid();
			else
				fx->count[0]++;
		} else {
			fx->go--;
			fixture_rest(fx, 1000000);
		}
		if (getpid() != root && rand_r(&seed) % 8 == 0) {
			fx->go--;
			_exit(0);
		}
	}
}

static void forks(void)
{
	struct fixture *fx = fixture_new();

	fixture_start(fx, fork_bomb);
	freeze_rounds(fx, 20);
	fixture_free(fx);
}

static void *short_thread(void *arg)
{
	struct fixture *fx = arg;

	fixture_rest(fx, 1000);
	fx->go--;
	return NULL;
}

static void *make_threads(void *arg)
{
	struct fixture *fx = arg;

	for (;;) {
		if (atomic_fetch_add(&fx->go, 1) < LIVE_MAX) {
			fixture_thread(short_thread, fx);
			fx->count[0]++;
		} else {
			fx->go--;
			fixture_rest(fx, 1000000);
		}
	}
	return NULL;
}

static void thread_storm(struct fixture *fx)
{
	for (int i = 0; i < 4; i++)
		fixture_thread(make_threads, fx);
	make_threads(fx);
}

static void threads(void)
{
	struct fixture *fx = fixture_new();

	fixture_start(fx, thread_storm);
	freeze_rounds(fx, 20);
	fixture_free(fx);
}

/* The page of the fixture does not survive exec: progress is told through a pipe. */
static void exec_self(void)
{
	execl("/proc/self/exe", "test-freeze-storm", "--exec-storm", NULL);
	_exit(1);
}

static void *exec_thread(void *arg)
{
	exec_self();
	return NULL;
}

static void *idle_thread(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static int exec_storm(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (write(STDERR_FILENO, ".", 1) != 1)
		_exit(1);
	for (int i = 0; i < 4; i++)
		fixture_thread(idle_thread, NULL);
	if (now.tv_nsec / 1000 % 3 == 0)
		exec_self();
	fixture_thread(exec_thread, NULL);
	idle_thread(NULL);
	return 0;
}

static int exec_pipe[2];

static void exec_root(struct fixture *fx)
{
	dup2(exec_pipe[1], STDERR_FILENO);
	for (int i = 0; i < 3; i++)
		if (!fork())
			break;
	exec_self();
}

static void execs(void)
{
	struct fixture *fx = fixture_new();
	char dots[64];

	CU_ASSERT_EQUAL_FATAL(pipe(exec_pipe), 0);
	fixture_start(fx, exec_root);
	close(exec_pipe[1]);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 10; i++)
			CU_ASSERT_FATAL(read(exec_pipe[0], dots, 1) == 1);
		freeze_round(fx);
	}
	close(exec_pipe[0]);
	fixture_free(fx);
}

static void spawn(struct fixture *fx)
{
	char *args[] = { "true", NULL };

	for (int i = 0; i < 3; i++)
		if (!fork())
			break;
	for (;;) {
		pid_t pid;

		if (posix_spawn(&pid, "/bin/true", NULL, NULL, args, NULL))
			_exit(1);
		waitpid(pid, NULL, 0);
		fx->count[0]++;
		fixture_rest(fx, 1);
	}
}

static void vforks(void)
{
	struct fixture *fx = fixture_new();
	double start = fixture_now();

	fixture_start(fx, spawn);
	freeze_rounds(fx, 40);
	/* A round that had to wait for its timeout would take 10 seconds. */
	CU_ASSERT(fixture_now() - start < 9);
	fixture_free(fx);
}

static struct fixture *signal_fx;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	signal_fx->count[1]++;
	signal_fx->count[2] += info->si_value.sival_int;
}

/* count: 0 progress of the loop, 1 signals, 2 sum of their values. */
static void take_signals(struct fixture *fx)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	signal_fx = fx;
	sigaction(SIGRTMIN, &action, NULL);
	fx->go = 1;
	for (;;) {
		fx->count[0]++;
		fixture_rest(fx, 100000);
	}
}

#define SIGNALS 20000

static pid_t send_signals(pid_t to)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (int i = 1; i <= SIGNALS; i++)
		while (sigqueue(to, SIGRTMIN, (union sigval){ .sival_int = i }) && errno == EAGAIN)
			sched_yield();
	_exit(0);
}

/* Freeze and release until killed, or while somebody lives. */
static void freeze_while(struct fixture *fx, pid_t sender)
{
	while (!sender || waitpid(sender, NULL, WNOHANG) == 0) {
		struct frozen_tree tree;

		CU_ASSERT_EQUAL_FATAL(freeze_tree(fx->root, NULL, &tree, &err), 0);
		freeze_release(&tree, FREEZE_RUN, &err);
		frozen_tree_deinit(&tree);
	}
}

static pid_t start_freezer(struct fixture *fx)
{
	pid_t pid = fork();

	if (!pid)
		freeze_while(fx, 0);
	return pid;
}

static void kill_freezer(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void expect_signals(struct fixture *fx)
{
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fx->count[1] == SIGNALS));
	CU_ASSERT_EQUAL(fx->count[2], (long)SIGNALS * (SIGNALS + 1) / 2);
}

static void signals(void)
{
	struct fixture *fx = fixture_new();

	fixture_start(fx, take_signals);
	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->go == 1));
	freeze_while(fx, send_signals(fx->root));
	expect_signals(fx);
	fixture_free(fx);
}

static void signals_and_kills(void)
{
	struct fixture *fx = fixture_new();
	unsigned int seed = 1;
	pid_t sender;

	fixture_start(fx, take_signals);
	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->go == 1));
	sender = send_signals(fx->root);
	do {
		pid_t freezer = start_freezer(fx);

		usleep(rand_r(&seed) % 3000);
		kill_freezer(freezer);
	} while (waitpid(sender, NULL, WNOHANG) == 0);
	expect_signals(fx);
	fixture_free(fx);
}

static void some_threads(struct fixture *fx)
{
	fixture_grow(fx, 1, 5, 5);
}

static void killed_when_frozen(void)
{
	struct fixture *fx = fixture_new();
	pid_t freezer;

	fixture_start(fx, some_threads);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 30));
	freezer = fork();
	if (!freezer) {
		struct frozen_tree tree;

		fx->go = freeze_tree(fx->root, NULL, &tree, &err) ? 2 : 1;
		for (;;)
			fixture_rest(fx, 1000000);
	}
	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->go == 1));
	CU_ASSERT_EQUAL(fixture_state(fx->root), 't');
	kill_freezer(freezer);
	CU_ASSERT_TRUE(fixture_runs(fx));
	CU_ASSERT_EQUAL(fixture_status(fx->root, "TracerPid"), 0);
	fixture_free(fx);
}

static void killed_at_random(void)
{
	struct fixture *fx = fixture_new();
	unsigned int seed = 1;

	fixture_start(fx, some_threads);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 30));
	for (int i = 0; i < 100; i++) {
		pid_t freezer = start_freezer(fx);

		usleep(rand_r(&seed) % 3000);
		kill_freezer(freezer);
		CU_ASSERT_TRUE(fixture_runs(fx));
		CU_ASSERT_EQUAL(fixture_status(fx->root, "TracerPid"), 0);
	}
	fixture_free(fx);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "forks", forks },
		{ "threads", threads },
		{ "execs", execs },
		{ "vforks", vforks },
		{ "no signal is lost", signals },
		{ "no signal is lost when the freezer is killed", signals_and_kills },
		{ "the freezer is killed when all is frozen", killed_when_frozen },
		{ "the freezer is killed at any moment", killed_at_random },
	};

	if (argc > 1 && !strcmp(argv[1], "--exec-storm"))
		return exec_storm();
	return RUN_TESTS("freeze-storm", tests);
}
