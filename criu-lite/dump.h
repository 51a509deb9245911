/* SPDX-License-Identifier: GPL-2.0-only */
/* Dumping a process tree: see dump.c. */
#ifndef CRL_DUMP_H
#define CRL_DUMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fd/files.h"
#include "task/known.h"

struct err;
struct log;
struct obstacles;

enum dump_end { DUMP_KILL, DUMP_LEAVE_RUNNING, DUMP_LEAVE_STOPPED };

struct dump_options {
	pid_t pid;
	int dir;	      /* of the images; not owned */
	const char *dir_name; /* for messages */
	enum dump_end end;
	const char *freeze_cgroup, *discover;
	enum inspect inspect;
	int timeout; /* seconds, 0 for the default */
	struct files_options files;
	bool progress;
	const struct log *log;
	/* Called with the tree frozen and the images complete, before anything is killed.
	 */
	int (*ready)(void *arg, pid_t root, struct err *err);
	void *ready_arg;
};

struct dump_result {
	unsigned tasks, threads;
	uint64_t pages_written, pages_scanned;
	uint64_t freezing_us, frozen_us, memdump_us;
};

/* 0, or -errno with the tree running as it was found and nothing left in the directory.
 */
int dump_tree(
	const struct dump_options *opt, struct dump_result *result, struct err *err);

/*
 * Look for obstacles without writing a dump: opt->dir is a directory for
 * scratch. They are added to the list; -errno only when one could not look.
 */
int dump_check(
	const struct dump_options *opt, struct obstacles *obstacles, struct err *err);

#endif
