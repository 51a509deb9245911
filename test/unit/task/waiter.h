/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that wait in a call, caught at its entry by PTRACE_SYSCALL and
 * interrupted from there: none is missed, however busy the machine is.
 */
#ifndef TEST_UNIT_TASK_WAITER_H
#define TEST_UNIT_TASK_WAITER_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crl/arch.h"
#include "crl/err.h"

#define NS_A_SECOND 1000000000ll
#define WAIT_NS	    (2 * NS_A_SECOND)

/* A call that waits WAIT_NS, unless it waits for ever. */
struct call {
	const char *name;
	long nr, arg[6];
	int time_arg;	 /* which argument is the timespec; -1 for none */
	clockid_t until; /* the time is absolute, by this clock; -1: relative */
	long result;	 /* when the time is over */
};

struct waiter {
	const struct call *call;
	pid_t pid, tid;
	long long begin, stopped; /* the wait began between the two */
};

static unsigned int failures;

static inline bool check(bool ok, const struct waiter *w, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	failures++;
	fprintf(stderr, "%s: ", w->call->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

static inline long long now_by(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_A_SECOND + ts.tv_nsec;
}

static inline long long now(void)
{
	return now_by(CLOCK_MONOTONIC);
}

static inline struct timespec in_time(long long ns)
{
	return (struct timespec){ ns / NS_A_SECOND, ns % NS_A_SECOND };
}

/* In the waiter: tell who waits, wait for the word to begin, make the call, judge it. */
struct pipes {
	const struct call *call;
	int tell, go;
};

static inline void *waiter_run(void *p)
{
	const struct pipes *pipes = p;
	const struct call *c = pipes->call;
	long long begin = now();
	struct timespec ts;
	pid_t tid = gettid();
	long arg[6], ret;
	char byte;

	if (write(pipes->tell, &tid, sizeof(tid)) < 0 || read(pipes->go, &byte, 1) != 1)
		_exit(1);
	ts = in_time(c->until < 0 ? WAIT_NS : now_by(c->until) + WAIT_NS);
	memcpy(arg, c->arg, sizeof(arg));
	if (c->time_arg >= 0)
		arg[c->time_arg] = (long)&ts;
	ret = syscall(c->nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	if (ret < 0)
		ret = -errno;
	_exit(ret != c->result || now() - begin < WAIT_NS);
}

static inline void waiter_main(struct pipes pipes, bool thread)
{
	pthread_t t;

	if (!thread)
		waiter_run(&pipes);
	if (pthread_create(&t, NULL, waiter_run, &pipes))
		_exit(1);
	for (;;)
		pause();
}

static inline bool next_stop(struct waiter *w, int request)
{
	int status;

	if (ptrace(request, w->tid, 0, 0) || waitpid(w->tid, &status, __WALL) != w->tid)
		return check(false, w, "lost it: %s", strerror(errno));
	return check(WIFSTOPPED(status), w, "it ended, status %#x", status);
}

/* Let a stopped waiter run up to the entry of call `nr`, then interrupt it. */
static inline bool stop_in(struct waiter *w, long nr)
{
	struct arch_regs regs;
	struct err err;
	int status;

	do {
		if (!next_stop(w, PTRACE_SYSCALL) || arch_regs_get(w->tid, &regs, &err))
			return false;
	} while (arch_syscall_nr(&regs) != nr || arch_syscall_ret(&regs) != -ENOSYS);
	if (ptrace(PTRACE_CONT, w->tid, 0, 0) || ptrace(PTRACE_INTERRUPT, w->tid, 0, 0) ||
		waitpid(w->tid, &status, __WALL) != w->tid)
		return check(false, w, "cannot stop it: %s", strerror(errno));
	if (!w->stopped)
		w->stopped = now();
	return check(WIFSTOPPED(status), w, "it ended, status %#x", status);
}

static inline bool waiter_start(struct waiter *w, const struct call *call, bool thread)
{
	int tell[2], go[2];
	bool ok = false;

	*w = (struct waiter){ .call = call, .begin = now() };
	if (pipe2(tell, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		return false;
	w->pid = fork();
	if (!w->pid) {
		close(go[1]);
		waiter_main((struct pipes){ call, tell[1], go[0] }, thread);
	}
	close(tell[1]);
	close(go[0]);
	if (w->pid > 0 && read(tell[0], &w->tid, sizeof(w->tid)) == sizeof(w->tid)) {
		ok = !ptrace(PTRACE_SEIZE, w->tid, 0, PTRACE_O_EXITKILL) &&
		     next_stop(w, PTRACE_INTERRUPT) && write(go[1], "", 1) == 1 &&
		     stop_in(w, call->nr);
	}
	close(tell[0]);
	close(go[1]);
	return check(ok, w, "cannot begin");
}

static inline void end(const struct waiter *w)
{
	int status;

	kill(w->pid, SIGKILL);
	while (waitpid(w->pid, &status, __WALL) == w->pid && WIFSTOPPED(status))
		;
}

#endif
