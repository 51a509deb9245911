/* SPDX-License-Identifier: GPL-2.0-only */
/* Cpus that crl and new tasks run on: see sched.c. */
#ifndef CRL_TASK_SCHED_H
#define CRL_TASK_SCHED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/core.pb-c.h"

struct err;
struct log;

#define AFFINITY_WORDS 128 /* 8,192 cpus */

struct sched_cpus {
	uint64_t mask[AFFINITY_WORDS];
	size_t bytes;
};

/* Where the caller may run. */
int sched_own_cpus(struct sched_cpus *cpus, struct err *err);

/* Keep to the present cpu; children inherit that. */
void sched_stay_here(void);

/* Give a thread the cpus of its image, or, where that has none (core NULL too), those of
 * crl. */
int sched_spread(pid_t tid, const CoreEntry *core, const struct sched_cpus *own,
	const struct log *log, struct err *err);

#endif
