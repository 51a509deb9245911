// SPDX-License-Identifier: GPL-2.0-only
/*
 * The personality of processes and of a thread, which has its own.
 */
#include "task.h"
#include "zdtm.h"

#include <sys/personality.h>

#define KEEP 0xffffffffUL

static pthread_barrier_t ready, go;

static int check(unsigned long was)
{
	int is = personality(KEEP);

	return is == (int)was ? 0 : fail("personality %#x, was %#lx", is, was);
}

static void *hold(void *arg)
{
	unsigned long mine = PER_LINUX | STICKY_TIMEOUTS;

	personality(mine);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	sabotage("thread", personality(0));
	return check(mine) ? NULL : arg;
}

static int child(void *arg)
{
	unsigned long mine = PER_LINUX32 | ADDR_NO_RANDOMIZE | WHOLE_SECONDS;

	personality(mine);
	test_child_ready();
	test_waitsig();
	sabotage("child", personality(PER_LINUX | ADDR_NO_RANDOMIZE | WHOLE_SECONDS));
	return check(mine);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	pid_t pid;
	int bad;

	test_init(argc, argv);
	personality(ADDR_NO_RANDOMIZE);
	pid = test_fork(child, NULL);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&go, NULL, 2);
	thread = test_thread(hold, &ready);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	sabotage("root", personality(0));
	bad = check(ADDR_NO_RANDOMIZE) | test_join(pid);
	pthread_barrier_wait(&go);
	if (!test_thread_end(thread) || bad)
		return 1;
	pass();
	return 0;
}
