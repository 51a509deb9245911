/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saying who cannot be frozen and why. */
#ifndef CRL_FREEZE_BLAME_H
#define CRL_FREEZE_BLAME_H

#include <sys/types.h>

struct err;
struct freezing;
struct seized;

/* Refuse a root that cannot be frozen at all, before anything is touched. */
int blame_root(struct freezing *f, struct err *err);

enum blame_answer {
	BLAME_GONE = 1, /* no longer there, or about to be */
	BLAME_ZOMBIE,	/* a process that has exited */
	BLAME_HEADLESS, /* a leader that has exited, or dies in exec; not so its threads
			 */
	BLAME_OURS,	/* seized by us already, as a newborn */
	BLAME_RETRY,	/* no reason to be seen any more */
};

/* PTRACE_SEIZE failed with code: one of the above, or -errno with the reason. */
int blame_seize(struct freezing *f, const struct seized *s, int code, struct err *err);

/* The freeze timed out on this thread; -ETIMEDOUT. */
int blame_timeout(struct freezing *f, const struct seized *s, struct err *err);

/* The leader has exited while other threads of its process live; -ENOTSUP. */
int blame_dead_leader(struct freezing *f, pid_t pid, struct err *err);

#endif
