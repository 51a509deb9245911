/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Puppets: tasks that are being made, run by batches alone. A puppet is a
 * ptraced thread whose only code is the stub, in a piece of memory (the stage)
 * that is shared with us, at the same address in all tasks and in ourselves:
 * a batch is written there by plain stores, and its results are simply there.
 *
 * The stage is inherited by fork; so a child that a puppet makes with
 * CLONE_PTRACE is stopped at birth and can be directed at once. Puppets are
 * seized with PTRACE_O_EXITKILL: when we die, they do.
 */
#ifndef CRL_PUPPET_H
#define CRL_PUPPET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "crl/arch.h"
#include "crl/batch.h"

struct err;

#define STAGE_SLOT_SIZE (256 * 1024)
#define STAGE_SLOTS	4
#define STAGE_OPS	3000 /* calls in one batch at most */

struct stage {
	uint64_t base; /* address of the mapping; page of code, then the slots */
	size_t size;
	struct batch_note *note; /* STAGE_SLOTS * STAGE_OPS */
};

size_t stage_size(void);

/* Map the stage at `base`, where nothing of ours may be mapped. */
int stage_open(struct stage *stage, uint64_t base, struct err *err);
void stage_close(struct stage *stage);

struct puppet {
	const struct stage *stage;
	pid_t pid, tid; /* thread group, thread */
	unsigned slot;	/* which part of the stage it uses */
	struct batch b; /* being built; run by puppet_run() */
	bool placed;	/* its registers point into the stub */
	bool running;	/* between puppet_start() and puppet_finish() */
};

/* A thread in a ptrace-stop of ours, that has the stage mapped. */
void puppet_init(
	struct puppet *p, const struct stage *stage, unsigned slot, pid_t pid, pid_t tid);

/*
 * The same with one of `parts` equal parts of a slot: for puppets that have little
 * to do and run at the same time.
 */
void puppet_init_part(struct puppet *p, const struct stage *stage, unsigned slot,
	unsigned part, unsigned parts, pid_t pid, pid_t tid);

/* Run what was added since the last run, and judge the results. Nothing to do for an
 * empty batch. */
int puppet_run(struct puppet *p, struct err *err);

/* The same in two halves, so that several puppets (in different slots) run at a time. */
int puppet_start(struct puppet *p, struct err *err);
int puppet_finish(struct puppet *p, struct err *err);

/* Make sure that `calls` and `bytes` fit, running what is there if they do not. */
int puppet_room(struct puppet *p, unsigned calls, size_t bytes, struct err *err);

/*
 * Wait for a thread that was born with CLONE_PTRACE to be in its first stop.
 * ESRCH when it died.
 */
int puppet_born(pid_t tid, struct err *err);

/*
 * Execute one system call by the instruction at `ip` (not in the stage). All signals
 * are blocked afterwards: the caller sets the mask.
 */
int puppet_syscall_at(pid_t tid, uint64_t ip, long nr, const uint64_t arg[6],
	int64_t *result, struct err *err);

#endif
