/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Letting a stopped thread run until it tells us that it is done. */
#ifndef CRL_BATCH_STOP_H
#define CRL_BATCH_STOP_H

#include <stdint.h>
#include <sys/types.h>

struct err;

static inline uint64_t stop_mask_bit(int signo)
{
	return 1ull << (signo - 1);
}

/* Does the thread run on our own cpu, or may it run beside us? */
enum stop_place { STOP_HERE, STOP_ELSEWHERE };

/* Continue a thread and wait for the delivery stop of `signo`, which is swallowed. */
int stop_run(pid_t tid, int signo, struct err *err);

/* The two halves of stop_run(). */
int stop_continue(pid_t tid, struct err *err);
int stop_wait(pid_t tid, int signo, enum stop_place place, struct err *err);

#endif
