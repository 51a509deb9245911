/* SPDX-License-Identifier: GPL-2.0-only */
/* Cgroups, as far as they are named: see cgroup.c. */
#ifndef CRL_TASK_CGROUP_H
#define CRL_TASK_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "crl/proc/file.h"

struct dump_task;
struct err;

struct cgroups {
	struct proc_buf own; /* /proc/self/cgroup */
	uint64_t same;	     /* kernel address of a set of cgroups that is crl's own */
	bool warned;
};

int cgroups_init(struct cgroups *c, struct err *err);
void cgroups_deinit(struct cgroups *c);

/* Warn, once a tree, when a task is in other cgroups than crl. */
int cgroups_check(struct cgroups *c, struct dump_task *t, struct err *err);

#endif
