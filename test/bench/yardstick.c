// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel takes for the same work without any checkpointing, measured in C so
 * that nothing but the work is in it. Each prints nanoseconds of one run:
 *
 *	exec PATH	fork, exec and wait for a program, such as /bin/true
 *	write BYTES FILE	pwrite of random memory to a new file
 *	sync BYTES FILE	the same, and fsync
 *	read BYTES FILE	pread of that file into fresh memory
 *	forks N		fork, kill and reap N processes
 *	threads N	make and join N threads
 *	mappings N	make N mappings of a page each, and touch them
 *
 *	run COMMAND...	run it; prints nanoseconds, its largest resident set in KiB and
 *			its exit status. The time is taken here, not in a script, and the
 *			resident set is not that of a large parent before its exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "noise.h"

#define PAGE  4096L
#define CHUNK (1L << 20)

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "yardstick: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *fresh(long bytes)
{
	void *p = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static long long yard_exec(char **arg)
{
	long long begin = now();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(arg[0], arg[0], NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die(arg[0]);
	return now() - begin;
}

static long long write_file(long bytes, const char *path, int sync)
{
	char *memory = fresh(bytes);
	long long begin;
	long at;
	int fd;

	noise_fill((uint64_t *)memory, bytes);
	unlink(path);
	begin = now();
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		die(path);
	for (at = 0; at < bytes; at += CHUNK)
		if (pwrite(fd, memory + at, CHUNK, at) != CHUNK)
			die("pwrite");
	if (sync && fsync(fd))
		die("fsync");
	close(fd);
	return now() - begin;
}

static long long yard_write(char **arg)
{
	return write_file(atol(arg[0]), arg[1], 0);
}

static long long yard_sync(char **arg)
{
	return write_file(atol(arg[0]), arg[1], 1);
}

static long long yard_read(char **arg)
{
	long bytes = atol(arg[0]);
	long long begin = now();
	char *memory = fresh(bytes);
	int fd = open(arg[1], O_RDONLY);
	long at;

	if (fd < 0)
		die(arg[1]);
	for (at = 0; at < bytes; at += CHUNK)
		if (pread(fd, memory + at, CHUNK, at) != CHUNK)
			die("pread");
	close(fd);
	begin = now() - begin;
	if (noise_differs((uint64_t *)memory, bytes) >= 0)
		die("what was read is not what was written");
	return begin;
}

static long long yard_forks(char **arg)
{
	long count = atol(arg[0]);
	pid_t *pids = calloc(count, sizeof(*pids));
	long long begin = now();
	long i;

	for (i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] == 0)
			for (;;)
				pause();
	}
	for (i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < count; i++)
		if (waitpid(pids[i], NULL, 0) != pids[i])
			die("waitpid");
	return now() - begin;
}

static void *thread(void *barrier)
{
	pthread_barrier_wait(barrier);
	return NULL;
}

static long long yard_threads(char **arg)
{
	long count = atol(arg[0]);
	pthread_t *ids = calloc(count, sizeof(*ids));
	pthread_barrier_t barrier;
	long long begin = now();
	long i;

	pthread_barrier_init(&barrier, NULL, count + 1);
	for (i = 0; i < count; i++)
		if ((errno = pthread_create(&ids[i], NULL, thread, &barrier)))
			die("pthread_create");
	pthread_barrier_wait(&barrier);
	for (i = 0; i < count; i++)
		pthread_join(ids[i], NULL);
	return now() - begin;
}

static long long yard_mappings(char **arg)
{
	long count = atol(arg[0]);
	char *base = fresh(count * PAGE);
	long long begin = now();
	long i;

	for (i = 0; i < count; i++) {
		void *at =
			mmap(base + i * PAGE, PAGE, PROT_READ | (i % 2 ? 0 : PROT_WRITE),
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (at == MAP_FAILED)
			die("mmap");
		if (i % 2 == 0)
			*(volatile long *)at = i;
		else
			(void)*(volatile long *)at;
	}
	return now() - begin;
}

static int run(char **argv)
{
	long long begin = now();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(2, 1);
		execv(argv[0], argv);
		die(argv[0]);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		die("wait4");
	begin = now() - begin;
	printf("%lld %ld %d\n", begin, usage.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

static const struct yard {
	const char *name;
	int args;
	long long (*run)(char **arg);
} yards[] = {
	{ "exec", 1, yard_exec },
	{ "write", 2, yard_write },
	{ "sync", 2, yard_sync },
	{ "read", 2, yard_read },
	{ "forks", 1, yard_forks },
	{ "threads", 1, yard_threads },
	{ "mappings", 1, yard_mappings },
};

int main(int argc, char **argv)
{
	size_t i;

	if (argc >= 3 && !strcmp(argv[1], "run"))
		return run(argv + 2);
	for (i = 0; i < sizeof(yards) / sizeof(yards[0]) && argc >= 3; i++) {
		if (strcmp(argv[1], yards[i].name) || argc != 2 + yards[i].args)
			continue;
		printf("%lld\n", yards[i].run(argv + 2));
		return 0;
	}
	fprintf(stderr, "usage: yardstick exec PATH | forks|threads|mappings COUNT |\n"
			"       write|sync|read BYTES FILE | run COMMAND...\n");
	return 2;
}
