/* SPDX-License-Identifier: GPL-2.0-only */
/* The second half of the dump of a task: see dump-task.c. */
#ifndef CRL_TASK_DUMP_TASK_H
#define CRL_TASK_DUMP_TASK_H

#include "crl/proc/file.h"
#include "image/frame.h"
#include "snapshot/arena.h"

struct err;
struct files;
struct frozen_task;
struct live_task;
struct obstacles;
struct page_writer;
struct shmem;
struct sums;

/* For one thread of crl; the pointers are shared with the others. */
struct task_writer {
	int dir;
	struct sums *sums;
	struct files *files;
	struct shmem *shmem;
	struct page_writer *pages; /* NULL: contents are not wanted */
	struct obstacles *obstacles;
	struct image_writer out;
	struct proc_buf buf;
	struct arena arena; /* messages of one task */
};

/* The writer must not move afterwards. */
void task_writer_init(struct task_writer *w);
void task_writer_deinit(struct task_writer *w);

/* A live task that has been asked. */
int live_write(struct task_writer *w, const struct live_task *l, struct err *err);

/* A zombie: what is left of it. */
int zombie_write(struct task_writer *w, const struct frozen_task *ft, struct err *err);

#endif
