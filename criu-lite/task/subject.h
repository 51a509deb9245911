/* SPDX-License-Identifier: GPL-2.0-only */
/* A child of crl's own, to try things on. It dies with crl. */
#ifndef CRL_TASK_SUBJECT_H
#define CRL_TASK_SUBJECT_H

#include <sys/types.h>

struct err;

struct subject {
	pid_t pid;
	int line; /* to the child */
};

/*
 * Fork a child that calls setup (NULL: nothing), which returns 0 or -errno, and
 * then waits. 0, or the child's -errno, or -errno of our own. For subject_end in
 * any case.
 */
int subject_start(struct subject *s, int (*setup)(void), struct err *err);

/* Put it into a ptrace-stop. */
int subject_stop(struct subject *s, unsigned options, struct err *err);

/* Kill and reap it. May be called twice. */
void subject_end(struct subject *s);

#endif
