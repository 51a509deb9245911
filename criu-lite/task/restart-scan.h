/* SPDX-License-Identifier: GPL-2.0-only */
/* The restart blocks of all traced threads, as they lie in the kernel. */
#ifndef CRL_TASK_RESTART_SCAN_H
#define CRL_TASK_RESTART_SCAN_H

#include <stdint.h>
#include <sys/types.h>

#include "crl/proc/file.h"

struct err;

#define RESTART_BLOCK_MAX 128

/*
 * One thread. The times are the host's, whatever time namespace we are in. The
 * block ends where the kernel's ends, and there the next record begins.
 */
struct restart_record {
	uint64_t monotonic, boottime;
	uint32_t tid; /* in our pid namespace */
	uint32_t zero;
	uint8_t block[RESTART_BLOCK_MAX];
};

/* Offsets in the block. */
struct restart_layout {
	long first; /* uaddr of futex, ufds of poll */
	long futex_flags, futex_time;
	long clockid, expires;
	long has_timeout, tv_sec, tv_nsec;
};

struct restart_scan {
	struct restart_layout layout;
	size_t stride;		 /* of the records */
	struct proc_buf records; /* ascending by tid */
	uint64_t realtime, tai;	 /* when they were made */
};

/* *s begins as all zeroes and is for restart_scan_deinit, also after an error. */
int restart_scan_read(struct restart_scan *s, struct err *err);
void restart_scan_deinit(struct restart_scan *s);

/* NULL for a thread that was not traced. */
const struct restart_record *restart_scan_find(const struct restart_scan *s, pid_t tid);

#endif
