// SPDX-License-Identifier: GPL-2.0-only
/*
 * The execution domain of a thread (personality(2)): ADDR_NO_RANDOMIZE,
 * READ_IMPLIES_EXEC and the like. The thread asks for it itself, by a value
 * that sets nothing. The leader's has a field of the format, others one of ours.
 * Mappings were made before with exact protections, under the personality of
 * crl itself.
 */
#include <sys/syscall.h>

#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define ASK_ONLY 0xffffffff

static int personality_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call1(b, "personality", SYS_personality, ASK_ONLY);
	return 0;
}

static int personality_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	ThreadCoreEntry *tc = t->core->thread_core;
	uint32_t value = batch_ret(b, first);

	if (t->leader) {
		t->core->tc->personality = value;
		return 0;
	}
	if (!tc->crl)
		tc->crl = arena_msg(t->task->arena, CrlThread, crl_thread);
	tc->crl->has_personality = true;
	tc->crl->personality = value;
	return 0;
}

static int personality_restore(struct restore_thread *t, struct err *err)
{
	const CrlThread *own = t->core->thread_core->crl;
	uint32_t value = t->leader_core->tc->personality;

	if (!t->leader && own && own->has_personality)
		value = own->personality;
	batch_call1(&t->p->b, "personality", SYS_personality, value);
	return 0;
}

const struct task_ops personality_ops = {
	.name = "personality",
	.scope = TASK_THREAD,
	.ask = personality_ask,
	.take = personality_take,
	.restore = personality_restore,
};
