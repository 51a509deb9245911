// SPDX-License-Identifier: GPL-2.0-only
/*
 * The alternate signal stack (sigaltstack(2)) of a thread. SS_ONSTACK in the
 * flags says that the thread runs on it now: the kernel derives that from the
 * stack pointer and refuses it as input, and refuses any change as long as the
 * stack pointer is inside. A puppet's is not: it runs without a stack.
 */
#include <signal.h>
#include <sys/syscall.h>

#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

static int altstack_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call2(b, "sigaltstack", SYS_sigaltstack, 0, batch_out(b, sizeof(stack_t)));
	return 0;
}

static int altstack_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	const struct batch_op *op = (const struct batch_op *)b->local + first;
	const stack_t *ss = batch_at(b, op->arg[1]);
	ThreadSasEntry *sas = arena_msg(t->task->arena, ThreadSasEntry, thread_sas_entry);

	sas->ss_sp = (uintptr_t)ss->ss_sp;
	sas->ss_size = ss->ss_size;
	sas->ss_flags = ss->ss_flags;
	t->core->thread_core->sas = sas;
	return 0;
}

static int altstack_restore(struct restore_thread *t, struct err *err)
{
	const ThreadSasEntry *sas = t->core->thread_core->sas;
	struct batch *b = &t->p->b;
	stack_t ss;

	if (!sas)
		return 0;
	ss = (stack_t){
		.ss_sp = (void *)sas->ss_sp,
		.ss_size = sas->ss_size,
		.ss_flags = sas->ss_flags & ~SS_ONSTACK,
	};
	batch_call2(b, "sigaltstack", SYS_sigaltstack, batch_in(b, &ss, sizeof(ss)), 0);
	return 0;
}

const struct task_ops altstack_ops = {
	.name = "alternate signal stack",
	.scope = TASK_THREAD,
	.ask = altstack_ask,
	.take = altstack_take,
	.restore = altstack_restore,
};
