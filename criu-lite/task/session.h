/* SPDX-License-Identifier: GPL-2.0-only */
/* Sessions and process groups of a tree: see session.c. */
#ifndef CRL_TASK_SESSION_H
#define CRL_TASK_SESSION_H

#include <stdbool.h>

struct frozen_tree;
struct obstacles;

/* Sessions and groups that are led from outside of the tree become obstacles. */
void session_check(
	const struct frozen_tree *tree, bool shell_job, struct obstacles *obstacles);

#endif
