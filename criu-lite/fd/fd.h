/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kinds of files. Each kind is one file that ends in one const struct fd_ops,
 * and one row in the table of table.c, which is asked from top to bottom: the
 * first kind whose probe says yes takes the descriptor.
 */
#ifndef CRL_FD_FD_H
#define CRL_FD_FD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "proto/fdinfo.pb-c.h"
#include "proto/fown.pb-c.h"

struct dump_task;
struct err;
struct files;
struct puppet;
struct restore_files;

/* A descriptor of a task that is being dumped, as a probe and a dump see it. */
struct fd_view {
	struct dump_task *task;
	int fd;	   /* number in the task */
	int local; /* the same open file in crl (pidfd_getfd); closed by the caller */
	struct stat st;
	uint32_t flags;	  /* F_GETFL */
	int64_t pos;	  /* 0 where there is none */
	const char *link; /* what /proc/PID/fd/N reads */
	FownEntry *fown;  /* who gets SIGIO */
};

enum { FD_REFUSED = 1 }; /* an obstacle was recorded; nothing to write */

struct fd_ops {
	const char *name;
	FdTypes type;
	bool (*probe)(const struct fd_view *v);
	/* Fill the member of *e for this kind; 0, FD_REFUSED or -errno. */
	int (*dump)(
		struct files *f, const struct fd_view *v, FileEntry *e, struct err *err);
	/* All tasks are through: write what belongs to the kind. */
	int (*finish)(struct files *f, struct err *err);

	/* Read images of the kind's own; and give up what load and open have kept. */
	int (*load)(struct restore_files *r, struct err *err);
	void (*release)(struct restore_files *r);
	/* Judge an entry of an image before a process exists. */
	int (*verify)(const struct restore_files *r, const FileEntry *e, struct err *err);
	/* Make the open file in crl; tasks get it from there. *fd is the caller's. */
	int (*open)(
		struct restore_files *r, const FileEntry *e, int *fd, struct err *err);
	/* Add what the task that got it must do itself (the last step for this task). */
	int (*attach)(struct restore_files *r, const FileEntry *e, struct puppet *p,
		int fd, struct err *err);
	/* All tasks have their files and memory: do what had to wait for that. */
	int (*settle)(struct restore_files *r, struct err *err);
	/* One line for `crl show`. */
	void (*show)(const FileEntry *e, char *text, size_t size);
	/* Can this kernel and user carry it? Answers as feature.h says; NULL: any can. */
	int (*check)(struct err *err);
};

extern const struct fd_ops *const fd_table[];
extern const unsigned fd_table_size;

const struct fd_ops *fd_ops_probe(const struct fd_view *v);
const struct fd_ops *fd_ops_of(FdTypes type);

/* Record that a descriptor cannot be carried: "fd 7 (LINK): WHAT"; returns FD_REFUSED. */
int fd_refuse(
	struct files *f, const struct fd_view *v, const char *what, const char *remedy);

#endif
