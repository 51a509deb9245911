/* SPDX-License-Identifier: GPL-2.0-only */
/* The first half of the dump of a task, by its tracer: see ask.c. */
#ifndef CRL_TASK_ASK_H
#define CRL_TASK_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "crl/batch.h"
#include "crl/proc/file.h"
#include "crl/proc/status.h"
#include "crl/visit.h"
#include "image/frame.h"
#include "snapshot/arena.h"
#include "task/cgroup.h"
#include "task/ids.h"
#include "task/known.h"
#include "task/namespaces.h"
#include "task/seccomp.h"
#include "task/xstate.h"

struct crew;
struct err;
struct live_task;
struct log;
struct obstacles;
struct sums;

/* Begins as all zeroes but for what it shares with others; only the tracer uses it. */
struct asker {
	int dir;
	struct sums *sums;
	struct obstacles *obstacles;
	const struct log *log;
	struct ids *ids;
	struct crew *crew; /* takes finished images */
	struct known known;
	struct namespaces namespaces;
	struct cgroups cgroups;
	struct seccomp_table seccomp;
	struct xstate_layout layout;
	struct image_writer out;
	struct proc_buf buf;
	struct proc_status status; /* its list of groups is used again and again */
	struct arena arena;	   /* messages of one thread */
	uint8_t *scratch;	   /* VISIT_SCRATCH bytes: the batch being built */
	struct batch_note *note;
};

int asker_init(struct asker *a, struct arena *lasting, struct err *err);
void asker_deinit(struct asker *a);

/* Of a live task, stopped under ptrace of this thread: all but its other threads. */
int live_ask(struct asker *a, struct live_task *l, struct err *err);

/*
 * True when the task may be written while its other threads are asked: none of
 * them will run, and the task's memory is as it was found.
 */
bool live_undisturbed(const struct asker *a, const struct live_task *l);

/* The other threads. Afterwards the task is as it was found. */
int live_ask_threads(struct asker *a, struct live_task *l, struct err *err);

#endif
