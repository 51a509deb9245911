// SPDX-License-Identifier: GPL-2.0-only
/*
 * File locks: /proc/locks lists all of the machine, with the pid that took
 * each: POSIX and flock locks and leases. They are not carried yet: a warning
 * names each that a task of the tree holds.
 *
 * A lock of an open file description (F_OFD_SETLK) shows the pid -1 there: it
 * is found by its inode only, which is left to the one who carries locks. It
 * is not noticed here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "crl/freeze.h"
#include "crl/log.h"
#include "crl/proc/file.h"
#include "task/locks.h"

static const struct frozen_task *holder(const struct frozen_tree *tree, int pid)
{
	for (size_t i = 0; i < tree->n_tasks; i++)
		if (tree->tasks[i].pid == pid)
			return &tree->tasks[i];
	return NULL;
}

/* "1: POSIX  ADVISORY  WRITE 812 fe:00:1234 0 EOF"; "->" behind the number: only waiting. */
static void one_lock(const struct frozen_tree *tree, const struct log *log, const char *line)
{
	const struct frozen_task *t;
	char kind[16], how[16], what[16], where[48];
	int pid;

	if (sscanf(line, "%*d: %15s %15s %15s %d %47s", kind, how, what, &pid, where) != 5)
		return;
	t = holder(tree, pid);
	if (t)
		log_warn(log, "pid %d (%s) holds a file lock (%s %s on inode %s): it will be lost",
			t->pid, t->comm, kind, what, where);
}

int locks_warn(const struct frozen_tree *tree, const struct log *log, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	int ret = proc_read(-1, "/proc/locks", &buf, err);
	char *line, *rest = buf.data;

	while (!ret && (line = strsep(&rest, "\n")) && *line)
		one_lock(tree, log, line);
	return ret;
}
