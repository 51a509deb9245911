/* SPDX-License-Identifier: GPL-2.0-only */
/* Dumping one task of a frozen tree: see dump-task.c. */
#ifndef CRL_TASK_DUMP_TASK_H
#define CRL_TASK_DUMP_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "crl/batch.h"
#include "crl/proc/file.h"
#include "crl/proc/status.h"
#include "crl/visit.h"
#include "image/frame.h"
#include "proto/core.pb-c.h"
#include "snapshot/arena.h"
#include "task/restart.h"
#include "task/seccomp.h"
#include "task/xstate.h"

struct err;
struct files;
struct frozen_task;
struct log;
struct obstacles;
struct page_writer;
struct shmem;
struct sums;

/* What all tasks of a dump share. */
struct task_dumper {
	int dir;
	struct sums *sums;
	struct files *files;
	struct shmem *shmem;
	struct page_writer *pages; /* NULL: contents are not wanted */
	struct obstacles *obstacles;
	struct seccomp_table seccomp;
	const struct log *log;
	struct image_writer out;
	struct proc_buf buf;
	struct proc_status status; /* its list of groups is used again and again */
	struct arena core_arena, mem_arena;
	uint8_t *scratch; /* VISIT_SCRATCH bytes: the batch being built */
	struct batch_note *note;
	struct restart_waits waits;
	struct xstate_layout layout;
	struct ids *ids;
	uint64_t ns_own[8]; /* inodes of crl's own namespaces */
};

int task_dumper_init(struct task_dumper *d, struct arena *lasting, struct err *err);
void task_dumper_deinit(struct task_dumper *d);

/* A live task, stopped under ptrace: all its images. */
int dump_task_live(struct task_dumper *d, const struct frozen_task *ft, struct err *err);

/* A zombie: what is left of it. */
int dump_task_zombie(struct task_dumper *d, const struct frozen_task *ft, struct err *err);

#endif
