/* SPDX-License-Identifier: GPL-2.0-only */
/* Which tasks share which kernel objects: see ids.c. */
#ifndef CRL_TASK_IDS_H
#define CRL_TASK_IDS_H

#include <sys/types.h>

#include "proto/core.pb-c.h"
#include "snapshot/arena.h"

struct dump_task;
struct dump_thread;
struct err;

enum { ID_VM, ID_FILES, ID_FS, ID_SIGHAND, ID_KINDS };

struct ids {
	struct arena *arena;  /* outlives the tasks */
	void *tree[ID_KINDS]; /* tsearch(3) */
	uint32_t next;
};

void ids_init(struct ids *ids, struct arena *arena);
void ids_deinit(struct ids *ids);

/* Numbers of the objects of crl itself: what root_ids of the inventory has. */
void ids_own(TaskKobjIdsEntry *e);

/* Numbers of a task's objects. Sharing that cannot be restored becomes an obstacle. */
void ids_take(struct ids *ids, struct dump_task *t, TaskKobjIdsEntry *e);

/* A thread must share with its leader what threads share. */
void ids_check_thread(const struct dump_thread *t);

#endif
