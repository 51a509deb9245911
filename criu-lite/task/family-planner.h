/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files that plan a family: family.c (births), family-groups.c. */
#ifndef CRL_TASK_FAMILY_PLANNER_H
#define CRL_TASK_FAMILY_PLANNER_H

#include "task/family.h"

#define ANY_SESSION -1

/* What is known of a task while planning. */
struct member {
	pid_t birth; /* session it is made in: 0 that of whoever restores, or ANY_SESSION
		      */
	pid_t group; /* group it is in when all are made */
	bool made, expanded;
};

struct planner {
	struct family *f;
	struct member *m;
	int *child, *next; /* lists of children: first of a task, next sibling */
	pid_t spare;	   /* pids for helpers that need no special one */
};

static inline const struct snap_task *family_task(const struct family *f, unsigned i)
{
	return &f->snap->task[i];
}

static inline bool family_leads(const struct snap_task *t)
{
	return t->sid == t->pid;
}

/* The task of this pid; -1 when it is not in the tree. */
int family_find(const struct family *f, pid_t pid);

void family_step(struct family *f, enum family_verb verb, unsigned who, unsigned child,
	pid_t number);

/* A helper of `session`, made by `maker`, that will be a child of `parent`. Returns its
 * actor. */
unsigned family_helper(
	struct family *f, unsigned maker, unsigned parent, pid_t pid, pid_t session);

/* family-groups.c: put all into their groups, when everybody is made. */
int family_groups(struct planner *p, struct err *err);

#endif
