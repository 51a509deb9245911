// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations for membarrier(2). Linux 6.3 lists them
 * (MEMBARRIER_CMD_GET_REGISTRATIONS); on an older kernel nobody can know, and
 * a task that uses expedited barriers would see EPERM after a restore.
 */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "feature.h"
#include "task/task.h"

#define GET_REGISTRATIONS (1 << 9)

static int membarrier_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call3(b, "membarrier", SYS_membarrier, GET_REGISTRATIONS, 0, 0);
	batch_may_fail(b);
	return 0;
}

static int membarrier_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	int64_t mask = batch_ret(b, first);

	if (mask > 0) {
		t->core->tc->has_membarrier_registration_mask = true;
		t->core->tc->membarrier_registration_mask = mask;
	}
	return 0;
}

static int membarrier_restore(struct restore_thread *t, struct err *err)
{
	uint32_t mask = t->core->tc->membarrier_registration_mask;

	for (int bit = 0; bit < 32; bit++)
		if (mask & 1u << bit)
			batch_call3(
				&t->p->b, "membarrier", SYS_membarrier, 1u << bit, 0, 0);
	return 0;
}

static int membarrier_check(struct err *err)
{
	if (syscall(SYS_membarrier, GET_REGISTRATIONS, 0, 0) >= 0)
		return 0;
	return feature_limited(err,
		"this kernel does not tell what is registered; tasks lose it "
		"(since Linux 6.3)");
}

const struct task_ops membarrier_ops = {
	.name = "membarrier registrations",
	.scope = TASK_WHOLE,
	.ask = membarrier_ask,
	.take = membarrier_take,
	.restore = membarrier_restore,
	.check = membarrier_check,
};
