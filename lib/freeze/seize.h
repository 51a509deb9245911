/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seizing threads and waiting until they stand. */
#ifndef CRL_FREEZE_SEIZE_H
#define CRL_FREEZE_SEIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/types.h>

struct discover_task;
struct err;
struct freezing;
struct seized;

/*
 * While the freeze lasts, whoever is born in the tree is ours from the start
 * and stops at once, and nobody leaves us by exec.
 */
#define SEIZE_OPTIONS                                                                    \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |                \
		PTRACE_O_TRACEEXEC)

/* A discover_fn for a struct freezing: seize and interrupt whoever is new. */
int seize_meet(void *arg, const struct discover_task *task, struct err *err);

/* Wait until all who were asked have stopped or are gone; -ETIMEDOUT names one. */
int seize_settle(struct freezing *f, struct err *err);

/* Drop the options of the freeze; false when somebody stands no longer. */
bool seize_verify(struct freezing *f);

/* Detach those whom the last, otherwise quiet pass did not find in the tree. */
void seize_drop_unseen(struct freezing *f);

/*
 * Let everybody run on as found. Who does not stop within two seconds, as in
 * uninterruptible sleep, is let go when the calling thread ends.
 */
void seize_undo(struct freezing *f);

/*
 * A newborn is ours before its creator tells of it; when the creator is killed
 * in between and the newborn falls out of the tree, nobody ever does. Such ones
 * stand with a stop that is not yet collected: detach them.
 */
void seize_free_strays(void);

/*
 * Collect the threads of a process that have died under our trace, whether we
 * knew of them or not: exec of one thread waits for that.
 */
void seize_collect_dead(struct freezing *f, pid_t tgid);

/* The handler of the tick; arg is the struct freezing. */
void seize_tick(void *arg);

/* Go on, with a signal or 0, and (unless let go) stop again before any user code. */
void seize_resume(const struct seized *s, int signo);

/* Detach a thread that stands; one that was killed is collected. -ESRCH: not yet gone. */
int seize_detach(pid_t tid);

/*
 * Collect the death of a tracee, with WNOHANG in flags if there is one, so that
 * its parent hears of it; that of our own child is left for who started it.
 * 0, -ECHILD when there is no such tracee, -EAGAIN, -EINTR.
 */
int seize_reap(pid_t tid, int flags);

#endif
