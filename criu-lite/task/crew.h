/* SPDX-License-Identifier: GPL-2.0-only */
/* Dumping all tasks of a tree with several threads: see crew.c. */
#ifndef CRL_TASK_CREW_H
#define CRL_TASK_CREW_H

struct asker;
struct crew;
struct err;
struct frozen_tree;
struct image_writer;
struct task_writer;

/*
 * Write the images of all tasks, by the calling thread, which traces the tree,
 * and up to threads - 1 others. `common` is copied for each: its own buffers
 * must be unused.
 */
int crew_dump(struct asker *a, const struct task_writer *common,
	const struct frozen_tree *tree, unsigned threads, struct err *err);

/*
 * Write what an image writer has gathered, now or later; its buffer may be gone
 * afterwards. A failure of a later write is one of crew_dump().
 */
int crew_write(struct crew *c, struct image_writer *out, struct err *err);

#endif
