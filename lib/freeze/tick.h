/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A clock that interrupts the calling thread: while it runs, blocking system
 * calls of this thread end with EINTR at each tick, or go on after fn was
 * called, if they are of those that always do.
 */
#ifndef CRL_FREEZE_TICK_H
#define CRL_FREEZE_TICK_H

#include <signal.h>
#include <stdbool.h>
#include <time.h>

struct err;

struct tick {
	/*
	 * Runs as a signal handler, which no other tick interrupts. It may leave by
	 * siglongjmp, to where the signal mask was saved.
	 */
	void (*fn)(void *arg);
	void *arg;
	timer_t timer;
	struct sigaction action; /* as found */
	sigset_t mask;
	bool running;
};

/* The object must stay where it is until tick_stop. */
int tick_start(struct tick *tick, long period_ns, void (*fn)(void *arg), void *arg,
	struct err *err);

/* May be called twice, and on zeroes. */
void tick_stop(struct tick *tick);

#endif
