/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads that a freeze has met, found by tid in constant time. */
#ifndef CRL_FREEZE_SET_H
#define CRL_FREEZE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum seized_state {
	SEIZED_NOT,	/* met, but not ours: gone, or not yet seized */
	SEIZED_ASKED,	/* ours; its stop is to be waited for */
	SEIZED_STOPPED, /* ours, in PTRACE_EVENT_STOP */
	SEIZED_ZOMBIE,	/* a process that has exited; not ours */
};

struct seized {
	pid_t tid;
	pid_t tgid; /* 0: announced by its creator, not yet seen in a listing */
	pid_t ppid;
	pid_t vfork;   /* the child that it waits for in vfork, 0: none */
	uint32_t pass; /* the last listing that had it */
	uint8_t state;
	uint8_t stop_signal; /* of the group-stop it is in, or 0 */
	bool attached;
	bool let_go;	 /* runs until it calls exec: its parent waits in vfork */
	bool queued;	 /* its index is in pending */
	uint8_t refused; /* so often, for no reason that could be seen */
};

struct seize_set {
	struct seized *v; /* never shrinks: a tid that comes again gets its old place */
	size_t n, cap;
	uint32_t *pending; /* stack of those in SEIZED_ASKED, room for cap */
	size_t n_pending;
	uint32_t *slot; /* index + 1 by hash of the tid, 0: free */
	size_t slots;	/* a power of two */
};

/* NULL when unknown. The pointer lives until the next set_add. */
struct seized *set_find(const struct seize_set *set, pid_t tid);

/* Find or add; NULL with *err filled when memory is short. */
struct seized *set_add(struct seize_set *set, pid_t tid, struct err *err);

/* To SEIZED_ASKED, on top of the stack of pending ones. */
void set_ask(struct seize_set *set, struct seized *s);

void set_deinit(struct seize_set *set);

#endif
