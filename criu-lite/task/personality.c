// SPDX-License-Identifier: GPL-2.0-only
/*
 * The execution domain of a task (personality(2)): ADDR_NO_RANDOMIZE,
 * READ_IMPLIES_EXEC and the like. /proc/PID/personality shows it as hex.
 * A restore sets it; mappings were made before with exact protections, under
 * the personality of crl itself.
 */
#include <stdlib.h>
#include <sys/syscall.h>

#include "crl/puppet.h"
#include "task/task.h"

static int personality_take(struct dump_thread *t, const struct batch *b, unsigned first,
	struct err *err)
{
	int ret = proc_read(t->task->proc, "personality", t->task->buf, err);

	if (!ret)
		t->core->tc->personality = strtoul(t->task->buf->data, NULL, 16);
	return ret;
}

static int personality_restore(struct restore_thread *t, struct err *err)
{
	batch_call1(&t->p->b, "personality", SYS_personality, t->core->tc->personality);
	return 0;
}

const struct task_ops personality_ops = {
	.name = "personality",
	.scope = TASK_WHOLE,
	.take = personality_take,
	.restore = personality_restore,
};
