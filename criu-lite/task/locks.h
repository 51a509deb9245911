/* SPDX-License-Identifier: GPL-2.0-only */
/* File locks held by a tree: see locks.c. */
#ifndef CRL_TASK_LOCKS_H
#define CRL_TASK_LOCKS_H

struct err;
struct frozen_tree;
struct log;

/* Name every lock that a task of the tree holds, and that will be lost. */
int locks_warn(const struct frozen_tree *tree, const struct log *log, struct err *err);

#endif
