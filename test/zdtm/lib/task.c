// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads, the kernel's view of a task, time.
 *
 * A signal for the process goes to any thread that does not block it, and a
 * handler that runs ends most waits with EINTR; test_thread() therefore makes
 * threads that block the runner's SIGTERM. That a thread has reached its wait
 * can be known only by looking: /proc/TID/syscall names the system call of a
 * blocked task and says "running" of any other.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE (3 * 1000 * MS)

pthread_t test_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	sigset_t term, was;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, &was);
	errno = pthread_create(&thread, NULL, fn, arg);
	if (errno) {
		fail("pthread_create: %m");
		exit(1);
	}
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return thread;
}

void *test_thread_end(pthread_t thread)
{
	struct timespec end;
	void *value;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE / (1000 * MS);
	errno = pthread_timedjoin_np(thread, &value, &end);
	if (!errno)
		return value;
	fail("a thread is not joined: %m");
	exit(1);
}

void test_wait_syscall(pid_t tid, long nr)
{
	int64_t end = test_now() + PATIENCE;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	while (test_proc_number(path, NULL, 10) != nr) {
		if (test_now() > end) {
			fail("task %d does not come to system call %ld", tid, nr);
			exit(1);
		}
		test_sleep_ms(1);
	}
}

static char task_state(pid_t tid)
{
	char path[64];
	const char *text, *paren;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	text = test_read_file(path, NULL);
	paren = text ? strrchr(text, ')') : NULL;
	return paren ? paren[2] : '\0';
}

bool test_wait_state(pid_t tid, char state)
{
	int64_t end = test_now() + PATIENCE;

	for (;;) {
		char is = task_state(tid);

		if (is == state || !is || test_now() > end)
			return is == state;
		test_sleep_ms(1);
	}
}

bool test_status(pid_t tid, const char *key, char *value, size_t size)
{
	char path[64], line[64];
	const char *text, *at;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	snprintf(line, sizeof(line), "\n%s:\t", key);
	text = test_read_file(path, NULL);
	at = text ? strstr(text, line) : NULL;
	if (!at)
		return false;
	at += strlen(line);
	snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

int64_t test_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

void test_sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * MS };

	nanosleep(&ts, NULL);
}
