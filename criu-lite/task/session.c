// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions and process groups. A group or session goes by the pid of its first
 * leader, who may be gone while members remain. Led by a task of the tree, or
 * by nobody any more, it can be made again (task/family.c); led by a task
 * outside of the tree it cannot, except that a shell job takes part in the
 * session of whoever restores it.
 */
#include <signal.h>
#include <stdlib.h>

#include "crl/freeze.h"
#include "snapshot/obstacles.h"
#include "task/session.h"

static int pid_cmp(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static bool in_tree(const pid_t *pids, size_t n, pid_t pid)
{
	return bsearch(&pid, pids, n, sizeof(*pids), pid_cmp);
}

static bool led_from_outside(const pid_t *pids, size_t n, pid_t leader)
{
	return !in_tree(pids, n, leader) && !kill(leader, 0);
}

void session_check(
	const struct frozen_tree *tree, bool shell_job, struct obstacles *obstacles)
{
	pid_t *pids = calloc(tree->n_tasks, sizeof(*pids));

	if (!pids)
		abort();
	for (size_t i = 0; i < tree->n_tasks; i++)
		pids[i] = tree->tasks[i].pid;
	qsort(pids, tree->n_tasks, sizeof(*pids), pid_cmp);
	for (size_t i = 0; i < tree->n_tasks && !shell_job; i++) {
		const struct frozen_task *t = &tree->tasks[i];

		if (t->sid != t->pid &&
			(i == 0 || led_from_outside(pids, tree->n_tasks, t->sid)))
			obstacles_add(obstacles, t->pid, t->comm,
				"pass --shell-job, or start the tree with setsid",
				"is in session %d, which is not led by a task of the "
				"tree",
				t->sid);
		else if (led_from_outside(pids, tree->n_tasks, t->pgid))
			obstacles_add(obstacles, t->pid, t->comm,
				"pass --shell-job, or start the tree with setsid",
				"is in process group %d, which is led by a task outside "
				"of the tree",
				t->pgid);
	}
	free(pids);
}
