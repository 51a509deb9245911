/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole files of procfs in a buffer that is used again and again. */
#ifndef CRL_PROC_FILE_H
#define CRL_PROC_FILE_H

#include <stddef.h>
#include <sys/types.h>

struct err;

/*
 * Begins as all zeroes, grows as needed, never shrinks; the owner calls
 * proc_buf_deinit. Text that a reader points at lives here until the next read.
 */
struct proc_buf {
	char *data;
	size_t cap;
	size_t len;
};

#define PROC_BUF_AUTO __attribute__((cleanup(proc_buf_deinit))) struct proc_buf

/* Make room for cap bytes; data and len stay. -ENOMEM when there are none. */
int proc_buf_reserve(struct proc_buf *buf, size_t cap, struct err *err);
void proc_buf_deinit(struct proc_buf *buf);

/*
 * Replace the contents of buf by the whole of the file name below dirfd, with
 * a NUL behind it that len does not count. A task that has gone gives -ENOENT
 * (before the open) or -ESRCH (after it).
 */
int proc_read(int dirfd, const char *name, struct proc_buf *buf, struct err *err);

/* The same from an open descriptor, from its present position on. */
int proc_read_fd(int fd, const char *name, struct proc_buf *buf, struct err *err);

/* Open the directory of a task: a descriptor that the caller closes, or -errno. */
int proc_open_pid(int procfd, pid_t pid, struct err *err);

/* "before" NUMBER "after", cut off at the size of out. */
#define PROC_PATH_SIZE 64
void proc_path(char out[PROC_PATH_SIZE], const char *before, unsigned int number,
	const char *after);

#endif
