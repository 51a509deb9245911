// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children forked by threads that are not the main one: /proc shows each under
 * the thread that made it. Any thread may reap them.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <unistd.h>

static pid_t pids[3];
static pthread_barrier_t ready, go;

static int grandchild(void *arg)
{
	test_child_ready();
	test_waitsig();
	return 0;
}

static int child(void *arg)
{
	pid_t parent = getppid(), below;
	sigset_t term;

	sigemptyset(&term); /* a test's thread blocks it */
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	below = test_fork(grandchild, NULL);
	test_child_ready();
	test_waitsig();
	sabotage("parent", parent = 1);
	if (getppid() != parent)
		return fail("parent %d, was %d", getppid(), parent);
	return test_join(below);
}

/* The last one reaps its own child, the main thread the others. */
static void *fork_one(void *arg)
{
	int i = (intptr_t)arg;

	pids[i] = test_fork(child, NULL);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	return i == 2 && test_join(pids[i]) ? NULL : &pids[i];
}

int main(int argc, char **argv)
{
	pthread_t threads[3];

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&go, NULL, 4);
	for (intptr_t i = 0; i < 3; i++) {
		threads[i] = test_thread(fork_one, (void *)i);
		pthread_barrier_wait(&ready);
	}

	test_daemon();
	test_waitsig();

	sabotage("child", pids[1] = getpid());
	pthread_barrier_wait(&go);
	for (int i = 0; i < 3; i++)
		if (!test_thread_end(threads[i]))
			return fail("thread %d could not reap its child", i);
	if (test_join(pids[0]) || test_join(pids[1]))
		return 1;
	pass();
	return 0;
}
