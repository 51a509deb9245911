/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A dump, read and judged: what a restore works from. Tasks come in the order
 * of pstree.img, a parent before its children. Messages stay packed until
 * their task's turn, so that a tree of thousands costs a few KiB a task; each
 * was unpacked and judged once, when it was loaded.
 *
 * Nothing here makes a process or looks at one.
 */
#ifndef CRL_SNAPSHOT_SNAPSHOT_H
#define CRL_SNAPSHOT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/core.pb-c.h"
#include "proto/file-lock.pb-c.h"
#include "proto/inventory.pb-c.h"
#include "proto/mm.pb-c.h"
#include "proto/seccomp.pb-c.h"
#include "snapshot/arena.h"

struct err;
struct log;
struct restore_files;
struct sums;

enum snap_state { SNAP_ALIVE = 1, SNAP_DEAD = 2, SNAP_STOPPED = 3 };

struct blob {
	uint8_t *data;
	uint32_t size;
};

/* One descriptor of a task. */
struct snap_fd {
	int fd;
	uint32_t id; /* of the file */
	bool cloexec;
};

/* A run of pages: where they go, and where they are in the page file. */
struct snap_pages {
	uint64_t at, len, offset; /* bytes */
};

struct snap_pagemap {
	struct snap_pages *run; /* ascending, not overlapping */
	size_t count;
	uint32_t file; /* pages-N */
	uint64_t bytes;
};

struct snap_thread {
	pid_t tid;
	struct blob core; /* empty when it is kept unpacked: */
	CoreEntry *unpacked;
};

struct snap_task {
	pid_t pid, pgid, sid; /* pgid and sid 0: of whoever restores (a shell job) */
	int parent;	      /* index; -1 for the root */
	enum snap_state state;
	uint32_t exit_code; /* of a dead one */
	int stop_signal;    /* of a stopped one */
	char comm[16];
	struct snap_thread *threads; /* the leader first */
	unsigned n_threads;
	uint32_t cwd_id, root_id, umask, exe_id;
	struct blob mm;
	struct snap_pagemap pages;
	struct snap_fd *fds; /* ascending */
	size_t n_fds;
};

/* A lock of a file, or a lease: leases last, otherwise in the order of tasks. */
struct snap_lock {
	size_t task; /* index of one that has the file */
	const FileLockEntry *entry;
};

/* A shared memory segment. */
struct snap_shmem {
	uint64_t id;
	uint64_t size; /* as far as anybody maps it */
	struct snap_pagemap pages;
};

struct snapshot {
	int dir;
	const struct log *log;
	struct arena arena;   /* lasts */
	struct arena scratch; /* for judging one message */
	InventoryEntry *inventory;
	struct sums *sums; /* NULL: the dump has none */
	struct restore_files *files;
	SeccompEntry *seccomp;
	struct snap_task *task;
	size_t tasks, threads;
	uint32_t *by_pid;	  /* index in `task`, plus one */
	unsigned cores_kept;	  /* unpacked */
	struct snap_shmem *shmem; /* sorted by id */
	size_t shmems, shmem_cap;
	struct snap_lock *lock;
	size_t locks;
	uint64_t holes[2]; /* bit n: candidate n for a free place is taken */
	int max_fd;
};

struct snapshot_options {
	bool shell_job;
	unsigned verify_threads; /* that compare page files; 0: they are not compared */
};

/*
 * Read everything in dir and judge it. `files` is loaded into *files, which the
 * caller owns. snapshot_deinit in any case.
 */
int snapshot_load(struct snapshot *s, int dir, struct restore_files *files,
	const struct snapshot_options *opt, const struct log *log, struct err *err);
void snapshot_deinit(struct snapshot *s);

/* The index of the task with this pid, or -1. */
int snapshot_find(const struct snapshot *s, pid_t pid);

/* Unpack into an arena; they were judged before, so only memory can be missing. */
CoreEntry *snapshot_core(const struct snap_thread *t, struct arena *a);
MmEntry *snapshot_mm(const struct snap_task *t, struct arena *a);

/* A place of `size` bytes that no task of the dump has mapped; 0 when there is none. */
uint64_t snapshot_hole(const struct snapshot *s, unsigned nth);
#define SNAPSHOT_HOLES	   128
#define SNAPSHOT_HOLE_SIZE (64ull << 20)

#endif
