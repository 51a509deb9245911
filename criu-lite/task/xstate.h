/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_XSTATE_H
#define CRL_TASK_XSTATE_H

#include <stdint.h>
#include <sys/types.h>

#include "proto/core.pb-c.h"

struct dump_thread;
struct err;

#define XSTATE_COMPONENTS 10

/* Where this processor keeps each component, in bytes; 0: it has none of it. */
struct xstate_layout {
	uint32_t offset[XSTATE_COMPONENTS];
};

/* Once for a dump or restore: CPUID is slow where a hypervisor answers it. */
void xstate_layout_read(struct xstate_layout *layout);

int xstate_take(struct dump_thread *t, struct err *err);
int xstate_set(pid_t tid, const CoreEntry *core, const struct xstate_layout *layout,
	struct err *err);

/* Can this processor hold what the image has? The refusal names the feature. */
int xstate_verify(const CoreEntry *core, struct err *err);

#endif
