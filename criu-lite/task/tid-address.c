// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clear_child_tid address: the kernel zeroes it and wakes its futex when
 * the thread exits; pthread_join(3) waits there. Only the thread itself can
 * read it, by PR_GET_TID_ADDRESS.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "crl/puppet.h"
#include "task/task.h"

static int tid_address_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call2(b, "PR_GET_TID_ADDRESS", SYS_prctl, PR_GET_TID_ADDRESS,
		batch_out(b, sizeof(uint64_t)));
	return 0;
}

static int tid_address_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	const struct batch_op *op = (const struct batch_op *)b->local + first;

	t->core->thread_info->clear_tid_addr = *(uint64_t *)batch_at(b, op->arg[1]);
	return 0;
}

static int tid_address_restore(struct restore_thread *t, struct err *err)
{
	batch_call1(&t->p->b, "set_tid_address", SYS_set_tid_address,
		t->core->thread_info->clear_tid_addr);
	return 0;
}

const struct task_ops tid_address_ops = {
	.name = "clear_child_tid",
	.scope = TASK_THREAD,
	.ask = tid_address_ask,
	.take = tid_address_take,
	.restore = tid_address_restore,
};
