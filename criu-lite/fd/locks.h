/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks of files and leases, at dump: see locks.c. Restore: task/locks.h. */
#ifndef CRL_FD_LOCKS_H
#define CRL_FD_LOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/file-lock.pb-c.h"

struct dump_task;
struct err;
struct fd_view;
struct files;
struct image_writer;
struct proc_vma;

/* The flag of an entry. */
enum { FILE_LOCK_POSIX = 1, FILE_LOCK_FLOCK = 2, FILE_LOCK_OFD = 4, FILE_LOCK_LEASE = 8 };

/* Its type, and what may be added to it. */
enum { FILE_LOCK_READ = 0, FILE_LOCK_WRITE = 1, FILE_LOCK_BREAKING = 4 };

/*
 * Take the locks that a descriptor shows: once for every open file (`fresh`), and again
 * in each further table that has it. *id will be the number of the open file, and must
 * last. 0, FD_REFUSED or -errno.
 */
int locks_take(struct files *f, const struct fd_view *v, bool fresh, const uint32_t *id,
	struct err *err);

/* A file that is mapped shared, from a descriptor that could write. */
void locks_mapped(struct files *f, struct dump_task *t, const struct proc_vma *v);

/* All tasks are through: write filelocks.img. */
int locks_write(struct files *f, struct image_writer *w, struct err *err);

/* "POSIX write lock of bytes 100 to 199" */
#define LOCK_TEXT 128
void lock_describe(const FileLockEntry *e, char text[LOCK_TEXT]);

#endif
