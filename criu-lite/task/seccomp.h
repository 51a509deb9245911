/* SPDX-License-Identifier: GPL-2.0-only */
/* The seccomp filters of a whole tree, each stored once. */
#ifndef CRL_TASK_SECCOMP_H
#define CRL_TASK_SECCOMP_H

#include "proto/seccomp.pb-c.h"

struct arena;

struct seccomp_table {
	struct arena *arena; /* outlives the tasks */
	SeccompEntry entry;
	size_t cap;
};

void seccomp_table_init(struct seccomp_table *table, struct arena *arena);

#endif
