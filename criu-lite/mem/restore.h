/* SPDX-License-Identifier: GPL-2.0-only */
/* Making the memory of a puppet: see restore.c. */
#ifndef CRL_MEM_RESTORE_H
#define CRL_MEM_RESTORE_H

#include <stdint.h>

#include "mem/vdso.h"
#include "snapshot/arena.h"
#include "snapshot/snapshot.h"

struct carrier;
struct err;
struct progress;
struct puppet;
struct restore_files;
struct stage;

/* A shared memory segment, mapped in crl. */
struct shared_segment {
	const struct snap_shmem *image;
	void *at;
	int fd; /* of /proc/self/map_files */
};

/* What the restore of all memory shares. */
struct mem_restore {
	struct snapshot *snap;
	struct restore_files *files;
	const struct stage *stage;
	uint64_t parking; /* room for the vdso, free in every task */
	struct vdso own;
	struct shared_segment *segment; /* one a snap_shmem */
	struct progress *progress;
	/* The task last worked on, unpacked. */
	const struct snap_task *task;
	MmEntry *mm;
	struct arena arena;
	/* The parent last looked at, unpacked: siblings come in a row. */
	const struct snap_task *parent;
	MmEntry *parent_mm;
	struct arena parent_arena;
	uint64_t pages_compared, pages_skipped, pages_restored;
};

int mem_restore_init(struct mem_restore *r, struct err *err);
void mem_restore_deinit(struct mem_restore *r);

/* Map and fill all shared segments in crl. */
int mem_restore_shared(struct mem_restore *r, struct err *err);

/* Every task has mapped what it shares: give up crl's own mappings. */
void mem_restore_shared_end(struct mem_restore *r);

/*
 * Make the address space of a task. `parent` is the live task whose memory, as
 * restored, the puppet has inherited, NULL for that of crl. Calls may be left in
 * the batch.
 */
int mem_restore_task(struct mem_restore *r, struct puppet *p, struct carrier *c,
	const struct snap_task *t, const struct snap_task *parent, struct err *err);

/* The last calls for an address space, when credentials are those of the image. */
int mem_restore_last(struct mem_restore *r, struct puppet *p, const struct snap_task *t,
	struct err *err);

/* Take the stage away from a task; `insn` addresses a system call in its vdso. */
int mem_restore_unstage(struct mem_restore *r, struct puppet *p,
	const struct snap_task *t, struct err *err);

#endif
