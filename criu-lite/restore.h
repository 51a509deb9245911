/* SPDX-License-Identifier: GPL-2.0-only */
/* Restoring a process tree: see restore.c. */
#ifndef CRL_RESTORE_H
#define CRL_RESTORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fd/restore-files.h"

struct err;
struct log;

struct restore_options {
	int dir; /* of the images; not owned */
	bool shell_job, sibling, leave_stopped, dry_run, progress;
	struct restore_files_options files;
	const struct log *log;
	/*
	 * Called when all is made and nothing runs yet, and once more ("resumed") when
	 * it runs. A failure of the first undoes all.
	 */
	int (*made)(void *arg, pid_t root, struct err *err);
	void (*resumed)(void *arg, pid_t root);
	void *arg;
};

struct restore_result {
	pid_t root;
	unsigned tasks, threads;
	uint64_t pages_restored, pages_compared, pages_skipped;
	uint64_t load_us, make_us, restore_us;
};

/*
 * 0 with the tree running, its root our child (or our sibling). On failure, and
 * when we die, nothing of it is left.
 */
int restore_tree(const struct restore_options *opt, struct restore_result *result,
	struct err *err);

#endif
