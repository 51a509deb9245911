/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of numbers: the children of a thread, threads, open descriptors. */
#ifndef CRL_PROC_CHILDREN_H
#define CRL_PROC_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

struct err;
struct proc_buf;

/* Begins as all zeroes; the owner calls proc_ids_deinit. */
struct proc_ids {
	int *v;
	size_t n, cap;
};

#define PROC_IDS_AUTO __attribute__((cleanup(proc_ids_deinit))) struct proc_ids

int proc_ids_add(struct proc_ids *ids, int id, struct err *err);
void proc_ids_deinit(struct proc_ids *ids);

/* Append the pids of a whole children file to out. */
int children_parse(const char *text, size_t len, struct proc_ids *out, struct err *err);

/*
 * dirfd: /proc/PID. Appends the children that the thread tid has forked (and
 * those it inherited); a process has the children of all its threads.
 */
int children_read(int dirfd, pid_t tid, struct proc_buf *buf, struct proc_ids *out,
	struct err *err);

/*
 * Replace out by the entries of a directory whose names are numbers ("task",
 * "fd", "fdinfo" below /proc/PID, "." for dirfd itself), ascending.
 */
int proc_list_dir(int dirfd, const char *name, struct proc_buf *buf, struct proc_ids *out,
	struct err *err);

/* The same for an open directory, which is read from its present position on. */
int proc_list_fd(int fd, const char *name, struct proc_buf *buf, struct proc_ids *out,
	struct err *err);

#endif
