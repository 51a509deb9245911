// SPDX-License-Identifier: GPL-2.0-only
/*
 * The name of a thread, up to 15 bytes of any value but zero. /proc/PID/stat
 * has it in parentheses; /proc/PID/comm alone, with a newline behind it.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define COMM_SIZE 16

static int comm_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call2(b, "PR_GET_NAME", SYS_prctl, PR_GET_NAME, batch_out(b, COMM_SIZE));
	return 0;
}

static int comm_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	const struct batch_op *op = (const struct batch_op *)b->local + first;
	const char *name = batch_at(b, op->arg[1]);

	t->core->thread_core->comm = arena_text(t->task->arena, name);
	if (t->leader)
		t->core->tc->comm = t->core->thread_core->comm;
	return 0;
}

static int comm_restore(struct restore_thread *t, struct err *err)
{
	const char *comm = t->core->thread_core->comm;
	struct batch *b = &t->p->b;

	if (!comm && t->core->tc)
		comm = t->core->tc->comm;
	if (comm)
		batch_call2(
			b, "PR_SET_NAME", SYS_prctl, PR_SET_NAME, batch_text(b, comm));
	return 0;
}

static int comm_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const char *comm = core->thread_core->comm;

	if (comm && strlen(comm) >= COMM_SIZE)
		return err_set(
			err, EINVAL, "the name is longer than %d bytes", COMM_SIZE - 1);
	return 0;
}

const struct task_ops comm_ops = {
	.name = "name",
	.scope = TASK_THREAD,
	.ask = comm_ask,
	.take = comm_take,
	.restore = comm_restore,
	.verify = comm_verify,
};
