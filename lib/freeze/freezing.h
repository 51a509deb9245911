/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A freeze at work: what its parts share until the tree is complete. */
#ifndef CRL_FREEZE_FREEZING_H
#define CRL_FREEZE_FREEZING_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crl/proc/file.h"
#include "set.h"

struct log;

enum { ITERATOR_NONE = -1, ITERATOR_UNTRIED = -2 };

struct freezing {
	pid_t root;
	int timeout; /* seconds, as it was asked for */
	const struct log *log;
	int proc; /* /proc */
	struct proc_buf buf;
	struct seize_set set;
	long long deadline; /* CLOCK_MONOTONIC, ns */
	int iterator;	    /* discover_bpf_open(), or one of the two below */
	uint32_t pass;	    /* of discovery, from 1 */
	uint32_t ticks;
	pid_t headless; /* in this pass: a process whose leader is dead, or 0 */
	uint32_t headless_passes;
	bool changed;	   /* something happened since the pass began */
	bool died;	   /* a thread that we had seized is gone */
	bool undoing;	   /* detach whoever stops */
	bool refrigerated; /* inside a frozen cgroup of version 1 */
	/* Between the thread and its tick, which is a signal handler. */
	volatile sig_atomic_t ticked;
	volatile sig_atomic_t
		seizing; /* the process that PTRACE_SEIZE is at work on, or 0 */
	sigjmp_buf give_up;
};

/* CLOCK_MONOTONIC in ns. */
long long freezing_now(void);

/* State letter of a thread, or 0 when it is gone. */
char freezing_state(struct freezing *f, pid_t tid);

#endif
