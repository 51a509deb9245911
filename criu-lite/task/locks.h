/* SPDX-License-Identifier: GPL-2.0-only */
/* File locks held by a tree: see locks.c. */
#ifndef CRL_TASK_LOCKS_H
#define CRL_TASK_LOCKS_H

struct err;
struct frozen_tree;
struct obstacles;

/* Every lock that a task of the tree holds becomes an obstacle. */
int locks_check(const struct frozen_tree *tree, struct obstacles *obstacles, struct err *err);

#endif
