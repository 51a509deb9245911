/* SPDX-License-Identifier: GPL-2.0-only */
/* Namespaces a task is in: see namespaces.c. */
#ifndef CRL_TASK_NAMESPACES_H
#define CRL_TASK_NAMESPACES_H

#include <stdint.h>

struct dump_task;
struct err;

#define NAMESPACES 8

/* The namespaces of crl. */
struct namespaces {
	uint64_t own[NAMESPACES]; /* inodes */
	uint64_t seen[2];	  /* kernel addresses that were found to mean the same */
};

/* Those of the process behind a /proc/PID directory. */
int namespaces_read(int proc, uint64_t inode[NAMESPACES], struct err *err);

/* Every namespace that is not crl's own becomes an obstacle. */
int namespaces_check(struct dump_task *t, struct namespaces *ns, struct err *err);

#endif
