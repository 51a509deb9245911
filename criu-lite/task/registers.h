/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_REGISTERS_H
#define CRL_TASK_REGISTERS_H

#include <sys/types.h>

#include "proto/core.pb-c.h"

struct arch_regs;
struct err;
struct xstate_layout;

/* The general registers of an image; not inside a system call. */
void registers_from_image(const CoreEntry *core, struct arch_regs *regs);

/* Give a stopped thread these registers and the extended state of the image. */
int registers_set(pid_t tid, const CoreEntry *core, const struct arch_regs *regs,
	const struct xstate_layout *layout, struct err *err);

#endif
