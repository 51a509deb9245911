/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/cgroup: where a task is in every cgroup hierarchy. */
#ifndef CRL_PROC_CGROUP_H
#define CRL_PROC_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#include "crl/proc/text.h"

struct err;
struct proc_buf;

struct proc_cgroup {
	uint32_t hierarchy;	      /* 0 is version 2 */
	struct proc_text controllers; /* "cpu,cpuacct" or "name=systemd", empty in v2 */
	struct proc_text path;	      /* seen from the reader's cgroup namespace */
};

/* Take the next line off the front of *rest: 1, 0 when there is none, or -EINVAL. */
int cgroup_next(struct proc_text *rest, struct proc_cgroup *out, struct err *err);

/* dirfd: /proc/PID. *rest is for cgroup_next and points into buf. */
int cgroup_read(int dirfd, struct proc_buf *buf, struct proc_text *rest, struct err *err);

#endif
