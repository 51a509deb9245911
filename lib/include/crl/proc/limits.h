/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/limits: resource limits, readable without CAP_SYS_RESOURCE. */
#ifndef CRL_PROC_LIMITS_H
#define CRL_PROC_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct proc_buf;

#define PROC_LIMITS	16
#define PROC_LIMIT_NONE UINT64_MAX /* "unlimited" */

struct proc_limit {
	uint64_t soft, hard;
};

/* out is indexed by RLIMIT_*. */
int limits_parse(const char *text, size_t len, struct proc_limit out[PROC_LIMITS],
	struct err *err);

/* dirfd: /proc/PID. */
int limits_read(int dirfd, struct proc_buf *buf, struct proc_limit out[PROC_LIMITS],
	struct err *err);

#endif
