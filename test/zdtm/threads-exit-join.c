// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads end and are joined after a restore: the kernel clears and wakes the
 * word that set_tid_address named, in each of them. New threads can be made,
 * and a thread that was detached can end.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t ready, go;
static pid_t detached;

static void *value_of(void *arg)
{
	return (char *)arg + 7;
}

static void *hold(void *arg)
{
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	sabotage("clear-tid", syscall(SYS_set_tid_address, &ready));
	sabotage("value", return arg);
	return value_of(arg);
}

static void *hold_detached(void *arg)
{
	detached = gettid();
	pthread_detach(pthread_self());
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	return NULL;
}

static int join_all(pthread_t *threads, int n)
{
	for (intptr_t i = 0; i < n; i++)
		if (test_thread_end(threads[i]) != value_of((void *)i))
			return fail("thread %ld has another value", i);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[5];
	int64_t end;

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, COUNT(threads) + 2);
	pthread_barrier_init(&go, NULL, COUNT(threads) + 2);
	for (intptr_t i = 0; i < COUNT(threads); i++)
		threads[i] = test_thread(hold, (void *)i);
	test_thread(hold_detached, NULL);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&go);
	if (join_all(threads, COUNT(threads)))
		return 1;
	end = test_now() + 5000 * MS;
	while (!syscall(SYS_tgkill, getpid(), detached, 0) && test_now() < end)
		test_sleep_ms(1);
	if (!syscall(SYS_tgkill, getpid(), detached, 0) || errno != ESRCH)
		return fail("the detached thread %d does not end", detached);
	for (intptr_t i = 0; i < COUNT(threads); i++)
		threads[i] = test_thread(value_of, (void *)i);
	if (join_all(threads, COUNT(threads)))
		return 1;
	pass();
	return 0;
}
