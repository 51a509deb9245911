/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_XSTATE_H
#define CRL_TASK_XSTATE_H

#include <sys/types.h>

#include "proto/core.pb-c.h"

struct dump_thread;
struct err;

int xstate_take(struct dump_thread *t, struct err *err);
int xstate_set(pid_t tid, const CoreEntry *core, struct err *err);

/* Can this processor hold what the image has? The refusal names the feature. */
int xstate_verify(const CoreEntry *core, struct err *err);

#endif
