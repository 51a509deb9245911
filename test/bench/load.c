// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trees that the benchmark dumps: load KIND COUNT.
 *
 *	memory BYTES	random anonymous memory, every page of it touched
 *	processes N	a root and its N - 1 children; 1 is one process that waits
 *	threads N	one process of N threads
 *	mappings N	one process with N mappings of a page each
 *
 * A load sends SIGUSR2 to its parent once it is set up, then waits for SIGUSR1,
 * checks that everything is as it was made, and ends with 0, or with 1 and a line
 * on stderr. It holds no descriptor but the three it is given.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "noise.h"

#define PAGE 4096L

static int bad(const char *what, long number)
{
	dprintf(2, "load: %s %ld: %s\n", what, number, errno ? strerror(errno) : "wrong");
	return 1;
}

static void ready(void)
{
	kill(getppid(), SIGUSR2);
}

/* SIGUSR1 is blocked from the start, so none is lost. */
static void wait_for_word(void)
{
	sigset_t set;
	int signal;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &signal);
}

static int load_memory(long bytes)
{
	uint64_t *words = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long at;

	if (words == MAP_FAILED)
		return bad("mmap of bytes", bytes);
	noise_fill(words, bytes);
	ready();
	wait_for_word();
	at = noise_differs(words, bytes);
	return at < 0 ? 0 : bad("memory at", at);
}

/* A child answers with a status that only it knows, after the restore as before. */
static int child(long number)
{
	pid_t pid = getpid();

	wait_for_word();
	return getpid() == pid ? number % 251 : 255;
}

static int load_processes(long count)
{
	pid_t *pids = calloc(count, sizeof(*pids));
	long i;
	int status;

	if (!pids)
		return bad("memory for pids", count);
	pids[0] = getpid();
	for (i = 1; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			return bad("fork", i);
		if (pids[i] == 0)
			_exit(child(i));
	}
	ready();
	wait_for_word();
	if (getpid() != pids[0])
		return bad("pid", pids[0]);
	for (i = 1; i < count; i++)
		kill(pids[i], SIGUSR1);
	for (i = 1; i < count; i++) {
		errno = 0;
		if (waitpid(pids[i], &status, 0) != pids[i] || !WIFEXITED(status) ||
			WEXITSTATUS(status) != i % 251)
			return bad("child", i);
	}
	return 0;
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t started;
static __thread long own;

static void *thread(void *number)
{
	own = (long)number;
	pthread_barrier_wait(&started);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return (void *)(own + 1);
}

static int load_threads(long count)
{
	pthread_t *ids = calloc(count, sizeof(*ids));
	pthread_attr_t attr;
	void *answer;
	long i;

	if (!ids || pthread_attr_init(&attr) ||
		pthread_attr_setstacksize(&attr, 64 << 10))
		return bad("memory for threads", count);
	pthread_barrier_init(&started, NULL, count);
	pthread_mutex_lock(&gate);
	for (i = 1; i < count; i++)
		if ((errno = pthread_create(&ids[i], &attr, thread, (void *)i)))
			return bad("pthread_create", i);
	pthread_barrier_wait(&started);
	ready();
	wait_for_word();
	pthread_mutex_unlock(&gate);
	for (i = 1; i < count; i++)
		if (pthread_join(ids[i], &answer) || (long)answer != i + 1)
			return bad("thread", i);
	return 0;
}

/* Neighbours differ in protection, else the kernel would make one mapping of them. */
static int load_mappings(long count)
{
	char *base = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long i;

	if (base == MAP_FAILED)
		return bad("mmap of pages", count);
	for (i = 0; i < count; i++) {
		*(long *)(base + i * PAGE) = i ^ 0x5a5a;
		if (i % 2 && mprotect(base + i * PAGE, PAGE, PROT_READ))
			return bad("mprotect", i);
	}
	ready();
	wait_for_word();
	for (i = 0; i < count; i++)
		if (*(long *)(base + i * PAGE) != (i ^ 0x5a5a))
			return bad("mapping", i);
	return 0;
}

static const struct load {
	const char *name;
	int (*run)(long count);
} loads[] = {
	{ "memory", load_memory },
	{ "processes", load_processes },
	{ "threads", load_threads },
	{ "mappings", load_mappings },
};

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_SETMASK, &set, NULL);
	errno = 0;
	for (i = 0; i < sizeof(loads) / sizeof(loads[0]) && count > 0; i++)
		if (!strcmp(argv[1], loads[i].name))
			return loads[i].run(count);
	dprintf(2, "usage: load memory|processes|threads|mappings COUNT\n");
	return 2;
}
