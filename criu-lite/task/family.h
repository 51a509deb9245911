/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making the tasks of a tree with their parents, sessions and process groups:
 * the plan, as data, and its steps. See family.c.
 */
#ifndef CRL_TASK_FAMILY_H
#define CRL_TASK_FAMILY_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "snapshot/snapshot.h"

struct err;

enum family_verb {
	FAMILY_MEMORY, /* give `who` its memory, which its children will inherit */
	FAMILY_BEAR,   /* `who` makes the task `child` */
	FAMILY_ADOPT,  /* `who` makes `child` a child of its own parent (CLONE_PARENT) */
	FAMILY_HELPER, /* `who` makes a helper with the pid `number` */
	FAMILY_SETSID,
	FAMILY_SETPGID,	  /* join or found the group `number` */
	FAMILY_SUBREAPER, /* `who` takes orphans below it (number 1), or not (0) */
	FAMILY_DISMISS,	  /* `who` ends; it is a helper, a child of `child` */
};

/* Actors are tasks of the snapshot, then helpers: helper n is number tasks + n. */
struct family_step {
	enum family_verb verb;
	unsigned who, child;
	pid_t number;
};

struct family_helper {
	pid_t pid;
	unsigned parent; /* actor */
	pid_t session;
};

struct family {
	struct arena *arena;
	const struct snapshot *snap;
	struct family_step *step;
	size_t steps, step_cap;
	struct family_helper *helper;
	size_t helpers, helper_cap;
};

/* Find out who makes whom, in which order. EOPNOTSUPP names what cannot be made. */
int family_plan(struct family *f, const struct snapshot *snap, struct arena *arena,
	struct err *err);

pid_t family_pid(const struct family *f, unsigned actor);

/* One line a step. */
void family_print(const struct family *f, FILE *out);

#endif
