/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Process trees for tests: started here, watched through a shared page, killed
 * and reaped here. The test is a child subreaper, so that orphans come to it.
 *
 * Every thread of a tree counts in a slot of its own: a slot that moves shows
 * that its thread runs.
 */
#ifndef TEST_UNIT_FREEZE_FIXTURE_H
#define TEST_UNIT_FREEZE_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIXTURE_SLOTS 4096

struct fixture {
	atomic_int slots; /* taken by threads that count */
	atomic_int go;	  /* free for the test */
	atomic_long count[FIXTURE_SLOTS];
	pid_t root, owner;
};

static struct fixture *fixture_current;
static pid_t fixture_owner;

static inline double fixture_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Wait for a condition; false after 20 seconds. */
#define FIXTURE_UNTIL(condition)                                                         \
	({                                                                               \
		double give_up_ = fixture_now() + 20;                                    \
		while (!(condition) && fixture_now() < give_up_)                         \
			nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);        \
		(condition);                                                             \
	})

/* Kill the tree (it shares the process group of its root), reap everybody, free. */
static inline void fixture_free(struct fixture *fx)
{
	if (fx->root > 0)
		kill(-fx->root, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	munmap(fx, sizeof(*fx));
	fixture_current = NULL;
}

static inline void fixture_at_exit(void)
{
	if (fixture_current && getpid() == fixture_owner)
		fixture_free(fixture_current);
}

/* One at a time; what a test left when an assertion ended it goes first. */
static inline struct fixture *fixture_new(void)
{
	struct fixture *fx;

	if (!fixture_owner)
		atexit(fixture_at_exit);
	fixture_owner = getpid();
	fixture_at_exit();
	fx = mmap(NULL, sizeof(*fx), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);

	if (fx == MAP_FAILED)
		abort();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fx->owner = getpid();
	fixture_current = fx;
	return fx;
}

/* Called by whoever lives in a tree: none of it outlives the test. */
static inline void fixture_rest(struct fixture *fx, long ns)
{
	if (kill(fx->owner, 0))
		_exit(1);
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

static inline void *fixture_count(void *arg)
{
	struct fixture *fx = arg;
	int slot = fx->slots++;

	for (;;) {
		fx->count[slot]++;
		fixture_rest(fx, 1000000);
	}
	return NULL;
}

static inline void fixture_thread(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, fn, arg))
		abort();
	pthread_attr_destroy(&attr);
}

/* Become a process with threads that count, and children below: never returns. */
static inline void fixture_grow(struct fixture *fx, int depth, int width, int threads)
{
	for (int i = 0; depth > 0 && i < width; i++)
		if (!fork()) {
			depth--;
			i = -1;
		}
	for (int i = 1; i < threads; i++)
		fixture_thread(fixture_count, fx);
	fixture_count(fx);
}

/* Start body(fx) as the root of the tree, in a process group of its own. */
static inline pid_t fixture_start(struct fixture *fx, void (*body)(struct fixture *fx))
{
	pid_t pid = fork();

	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_NAME, "fx-root");
		body(fx);
		_exit(0);
	}
	if (pid < 0)
		abort();
	setpgid(pid, pid);
	fx->root = pid;
	return pid;
}

/* Wait until n threads count. */
static inline bool fixture_ready(struct fixture *fx, int n)
{
	return FIXTURE_UNTIL(fx->slots >= n);
}

/* Does every thread that ever counted count on? */
static inline bool fixture_runs(struct fixture *fx)
{
	for (int i = 0; i < fx->slots; i++) {
		long was = fx->count[i];

		if (!FIXTURE_UNTIL(fx->count[i] != was))
			return false;
	}
	return true;
}

/* State letter from /proc, 0 when it is not there. */
static inline char fixture_state(pid_t tid)
{
	char path[64], text[512], *p;
	FILE *f;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	return p ? p[2] : 0;
}

/* A number of /proc/TID/status, -1 when it is not there. */
static inline int fixture_status(pid_t tid, const char *field)
{
	char path[64], line[256];
	size_t len = strlen(field);
	int value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, field, len) && line[len] == ':')
			value = atoi(line + len + 1);
	if (f)
		fclose(f);
	return value;
}

/* Call fn for each thread of each process in the process group of the root. */
static inline void fixture_each_thread(
	const struct fixture *fx, void (*fn)(pid_t pid, pid_t tid, void *arg), void *arg)
{
	DIR *proc = opendir("/proc");
	struct dirent *process, *thread;

	while ((process = readdir(proc))) {
		pid_t pid = atoi(process->d_name);
		char path[64];
		DIR *tasks;

		if (pid <= 0 || getpgid(pid) != fx->root)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task", pid);
		tasks = opendir(path);
		while (tasks && (thread = readdir(tasks)))
			if (thread->d_name[0] != '.')
				fn(pid, atoi(thread->d_name), arg);
		if (tasks)
			closedir(tasks);
	}
	closedir(proc);
}

#endif
