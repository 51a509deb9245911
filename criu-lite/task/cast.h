/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cast: all tasks that are being made, and helpers. Everything that happens
 * to them between birth and release, in files make.c and revive.c.
 */
#ifndef CRL_TASK_CAST_H
#define CRL_TASK_CAST_H

#include <stdbool.h>

#include "crl/proc/status.h"
#include "crl/puppet.h"
#include "mem/restore.h"
#include "snapshot/snapshot.h"
#include "task/family.h"
#include "task/sched.h"
#include "task/xstate.h"

struct err;

struct actor {
	struct puppet p;
	int memory; /* task whose memory it has inherited or got; -1: crl's */
	bool born, settled /* has its own memory */, dead;
};

struct late_thread {
	size_t task;
	unsigned thread;
};

struct cast {
	const struct snapshot *snap;
	const struct family *family;
	struct actor *actor; /* tasks, then helpers */
	struct stage stage;
	struct mem_restore *mem;
	struct restore_files *files;
	struct proc_status own; /* of crl */
	struct xstate_layout layout;
	struct sched_cpus cpus;	  /* of crl, before it kept to one */
	struct arena core_arena;  /* messages of one thread */
	struct arena arena;	  /* of `late` */
	struct late_thread *late; /* threads that cast_finish() is for */
	size_t lates, late_cap;
	int self_pidfd, carrier;
	int lifeline; /* write end of a pipe that the root waits on */
	bool sibling;
};

int cast_init(struct cast *c, const struct snapshot *snap, const struct family *family,
	struct restore_files *files, struct mem_restore *mem, struct err *err);

/* End and reap everybody that is still ours. May be called twice. */
void cast_kill(struct cast *c);
void cast_deinit(struct cast *c);

/* make.c: every pid that will be needed must be free; the error names who has it. */
int cast_check_pids(const struct cast *c, struct err *err);

/* make.c: the plan of the family, step by step. */
int cast_make(struct cast *c, struct err *err);

/* revive.c: memory, files, threads and attributes of every task. */
int cast_revive(struct cast *c, struct err *err);

/* revive.c: registers and masks; afterwards nobody is a puppet any more. */
int cast_finish(struct cast *c, struct err *err);

/* revive.c: let all go at once. */
int cast_release(struct cast *c, bool stopped, struct err *err);

#endif
