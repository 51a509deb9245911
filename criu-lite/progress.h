/* SPDX-License-Identifier: GPL-2.0-only */
/* Showing how far long work is: pages done, rate, time left. */
#ifndef CRL_PROGRESS_H
#define CRL_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	const char *what;	      /* "dump" or "restore" */
	atomic_ullong done, expected; /* pages */
	atomic_llong shown_ns;	      /* when the line was last printed */
	long long start_ns;
};

void progress_init(struct progress *p, bool on, const char *what);

/* More pages are to be done, or were done. Any thread; NULL is allowed. */
void progress_expect(struct progress *p, uint64_t pages);
void progress_add(struct progress *p, uint64_t pages);

/* Take the line away. */
void progress_end(struct progress *p);

#endif
