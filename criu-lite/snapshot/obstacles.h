/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Obstacles: what stands in the way of a dump. They are collected over the
 * whole tree and shown together, so that nobody has to run crl once for each.
 */
#ifndef CRL_SNAPSHOT_OBSTACLES_H
#define CRL_SNAPSHOT_OBSTACLES_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "snapshot/arena.h"

struct err;

struct obstacle {
	pid_t pid;
	const char *comm;
	const char *what;   /* the object and the reason */
	const char *remedy; /* the option or change that would make it work */
};

struct obstacles {
	pthread_mutex_t lock; /* they are added by several threads */
	struct arena arena;
	struct obstacle *list;
	size_t count, cap;
};

void obstacles_init(struct obstacles *o);
void obstacles_deinit(struct obstacles *o);

/* `what` is formatted; `remedy` a plain sentence. The same text for the same task counts
 * once. */
void obstacles_add(struct obstacles *o, pid_t pid, const char *comm, const char *remedy,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

bool obstacles_any(struct obstacles *o);

/* Sort by pid: several threads add in any order. */
void obstacles_sort(struct obstacles *o);

/* 0 when there is none; else EOPNOTSUPP with one line an obstacle. */
int obstacles_result(const struct obstacles *o, struct err *err);

#endif
