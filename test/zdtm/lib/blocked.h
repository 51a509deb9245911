/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread that is blocked in one system call during the dump, and what comes
 * of it.
 */
#ifndef ZDTM_BLOCKED_H
#define ZDTM_BLOCKED_H

#include "task.h"

struct blocked {
	long nr;
	long args[6];
	/* filled in */
	pthread_t thread;
	pid_t tid;
	long ret; /* what the call returned, or a negative errno */
	int64_t took;
};

/* Starts the thread and waits until it is blocked in the call. */
void blocked_start(struct blocked *b);

/* Waits until the call has returned. */
void blocked_end(struct blocked *b);

/* 0, or fail() unless it returned ret. */
int blocked_check(const struct blocked *b, long ret);

/* ... and unless it took that long, or longer by no more than `more` and what a busy
 * machine adds. */
int blocked_check_time(const struct blocked *b, long ret, int64_t took, int64_t more);

/*
 * How long to be blocked before the dump: a wait that starts again from its
 * beginning then ends later than blocked_check_time() accepts.
 */
#define BLOCKED_BEFORE_MS 1200

#endif
