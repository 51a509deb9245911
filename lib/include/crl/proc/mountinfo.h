/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/mountinfo: the mounts of a task's mount namespace below its root. */
#ifndef CRL_PROC_MOUNTINFO_H
#define CRL_PROC_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crl/proc/text.h"

struct err;
struct proc_buf;

/* The texts are as shown: proc_text_decode(..., PROC_ESCAPED_MOUNT, ...) for names. */
struct proc_mount {
	int32_t id, parent;
	uint32_t major, minor;
	struct proc_text root, point, options;
	int32_t shared, master, propagate_from; /* peer groups, 0 without one */
	bool unbindable;
	struct proc_text optional; /* all the optional fields, also unknown ones */
	struct proc_text fstype, source, super;
};

/* Take the next mount off the front of *rest: 1, 0 when there is none, or -EINVAL. */
int mountinfo_next(struct proc_text *rest, struct proc_mount *out, struct err *err);

/* dirfd: /proc/PID. *rest is for mountinfo_next and points into buf. */
int mountinfo_read(
	int dirfd, struct proc_buf *buf, struct proc_text *rest, struct err *err);

#endif
