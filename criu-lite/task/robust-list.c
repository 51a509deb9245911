// SPDX-License-Identifier: GPL-2.0-only
/*
 * The head of the robust futex list: what get_robust_list(2) says from outside.
 * The list itself is user memory and comes back with it.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "task/task.h"

static int robust_list_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	void *head = NULL;
	size_t len = 0;

	if (syscall(SYS_get_robust_list, t->tid, &head, &len))
		return err_os(err, errno, "get_robust_list");
	t->core->thread_core->futex_rla = (uintptr_t)head;
	t->core->thread_core->futex_rla_len = len;
	return 0;
}

static int robust_list_restore(struct restore_thread *t, struct err *err)
{
	const ThreadCoreEntry *tc = t->core->thread_core;

	if (tc->futex_rla_len)
		batch_call2(&t->p->b, "set_robust_list", SYS_set_robust_list,
			tc->futex_rla, tc->futex_rla_len);
	return 0;
}

const struct task_ops robust_list_ops = {
	.name = "robust futex list",
	.scope = TASK_THREAD,
	.take = robust_list_take,
	.restore = robust_list_restore,
};
