/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing descriptors of crl to a puppet. Every new task inherits one descriptor,
 * the carrier: a pidfd of crl, at a number above all that tasks use. With it the
 * task takes others over by pidfd_getfd(2), which gives the lowest free number:
 * the table of a puppet is empty but for what was put there, so that is known.
 */
#ifndef CRL_FD_TRANSFER_H
#define CRL_FD_TRANSFER_H

#include <stddef.h>

struct err;
struct puppet;
struct restore_files;
struct snap_task;

/* What is known of a puppet's descriptor table. */
struct carrier {
	int number; /* of the pidfd in every task */
	int lowest; /* lowest free number in this task */
};

/* Take fd of crl over; returns its number in the task, always c->lowest. */
int transfer_fd(struct puppet *p, struct carrier *c, int fd);

/* Close it again there; only for the number that transfer_fd() returned last. */
void transfer_close(struct puppet *p, struct carrier *c, int there);

/* The whole table of a task, and its working directory and root. */
int transfer_table(struct puppet *p, struct carrier *c, struct restore_files *files,
	const struct snap_task *t, struct err *err);

#endif
