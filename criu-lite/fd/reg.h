/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that have a path: see reg.c. */
#ifndef CRL_FD_REG_H
#define CRL_FD_REG_H

#include <stdbool.h>
#include <sys/stat.h>

#include "proto/fdinfo.pb-c.h"

struct dump_task;
struct err;
struct files;
struct restore_files;

/* Where a file was found. */
struct reg_source {
	const char *through; /* link below /proc/PID that leads to it */
	const char *name;    /* what the link reads */
	const struct stat *st;
	bool build_id; /* mapped or executed: note which build it is */
};

/* Fill e->reg with all but flags, position and owner; FD_REFUSED when its path does not
 * lead there. */
int reg_describe(struct files *f, struct dump_task *t, const struct reg_source *src,
	FileEntry *e, struct err *err);

/*
 * Judge an entry that has a path, and what is there now (*st). Whether to open that is
 * the caller's decision.
 */
int reg_verify_path(const struct restore_files *r, const FileEntry *e, struct stat *st,
	struct err *err);

#endif
