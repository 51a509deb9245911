/* SPDX-License-Identifier: GPL-2.0-only */
/* A live task between the two halves of its dump: asked (ask.c), not yet written. */
#ifndef CRL_TASK_LIVE_H
#define CRL_TASK_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crl/proc/children.h"
#include "crl/visit.h"
#include "proto/core.pb-c.h"
#include "task/task.h"

struct frozen_task;

struct live_task {
	const struct frozen_task *ft;
	struct dump_task
		t; /* owns t.proc; t.buf and t.arena are those of the first half */
	struct plant plant; /* where the first half has visited it */
	atomic_int users;   /* the halves that are at work on it */
	struct proc_ids fds;
	bool *cloexec; /* one for each descriptor */
	uint32_t umask;
	TaskKobjIdsEntry ids;
};

/* A new one, with one user; NULL when there is no memory. */
struct live_task *live_new(const struct frozen_task *ft);

/* One user less; with the last one it is gone. */
void live_put(struct live_task *l);

#endif
