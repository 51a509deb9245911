/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/timers: the POSIX timers of a process, without their times. */
#ifndef CRL_PROC_TIMERS_H
#define CRL_PROC_TIMERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "crl/proc/text.h"

struct err;
struct proc_buf;

struct proc_timer {
	int32_t id;
	int32_t signo;
	uint64_t sigval; /* the pointer of the union */
	int32_t notify;	 /* SIGEV_* , SIGEV_THREAD_ID included */
	pid_t target;	 /* who is told: a tid with SIGEV_THREAD_ID, else a pid */
	int32_t clock;	 /* CLOCK_*; negative: a clock made of a pid or descriptor */
};

/* Take the next timer off the front of *rest: 1, 0 when there is none, or -EINVAL. */
int timers_next(struct proc_text *rest, struct proc_timer *out, struct err *err);

/* dirfd: /proc/PID. *rest is for timers_next and points into buf. */
int timers_read(int dirfd, struct proc_buf *buf, struct proc_text *rest, struct err *err);

#endif
