/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Freezing a process tree: every thread of every process below a root is seized
 * by ptrace and held in a clean stop (PTRACE_EVENT_STOP), where registers and
 * memory may be read and changed. Nothing that only the tracer could repair is
 * left in anybody: when the calling thread dies, all run on by themselves.
 *
 * ptrace belongs to a thread: whoever freezes also works on the tree and
 * releases it, and traces nobody else meanwhile. freeze_tree uses the signal
 * SIGRTMAX of that thread as a clock while it runs, and puts the disposition
 * and mask of it back.
 */
#ifndef CRL_FREEZE_H
#define CRL_FREEZE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup_freezer;
struct err;
struct log;

#define FREEZE_TIMEOUT 10 /* seconds */

/* All zeroes are the defaults. */
struct freeze_options {
	int timeout;		   /* seconds, 0: FREEZE_TIMEOUT */
	const char *freeze_cgroup; /* directory of a cgroup, or NULL: find one */
	const char *discover;	   /* see discover_backend(), or NULL: the best */
	const struct log *log;	   /* or NULL */
};

enum frozen_state {
	FROZEN_ALIVE,
	FROZEN_STOPPED, /* in group-stop; before we came, or by a signal meanwhile */
	FROZEN_ZOMBIE,	/* cannot be seized, has no threads */
};

struct frozen_thread {
	pid_t tid;
	uint32_t attached; /* 0 once it was released */
};

struct frozen_task {
	pid_t pid, ppid, pgid, sid;
	int parent; /* index of the parent, less than its own; -1: the root */
	enum frozen_state state;
	int stop_signal; /* of FROZEN_STOPPED: SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU */
	char comm[16];
	uint64_t start_time;	       /* clock ticks since boot */
	struct frozen_thread *threads; /* ascending, but the leader first */
	size_t n_threads;
};

/* Begins as all zeroes; the owner calls freeze_release, then frozen_tree_deinit. */
struct frozen_tree {
	struct frozen_task *tasks; /* parents first; siblings ascending by pid */
	size_t n_tasks;
	struct frozen_thread *threads; /* where the tasks' threads point into */
	size_t n_threads;
	struct cgroup_freezer
		*cgroup; /* found frozen by its owner: frozen again at the end */
};

/*
 * Freeze root and all below it; opt may be NULL. 0, or -errno with everybody
 * running as found: -ESRCH no such process, -EBUSY traced by somebody else,
 * -EPERM, -ETIMEDOUT somebody did not stop, -ENOTSUP a kind of tree that cannot
 * be frozen, -EDEADLK the caller is in the tree.
 */
int freeze_tree(pid_t root, const struct freeze_options *opt, struct frozen_tree *tree,
	struct err *err);

enum freeze_end {
	FREEZE_RUN,  /* as found: what was in group-stop stays so */
	FREEZE_STOP, /* with SIGSTOP sent to every process */
	FREEZE_KILL, /* with SIGKILL, and gone when this returns */
};

/*
 * Let the tree go. Whoever was killed meanwhile is no error. May be called
 * twice, and on a tree of zeroes; tasks stay listed. -ETIMEDOUT when somebody
 * did not die within 10 seconds.
 */
int freeze_release(struct frozen_tree *tree, enum freeze_end how, struct err *err);

void frozen_tree_deinit(struct frozen_tree *tree);

#endif
