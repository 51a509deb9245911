// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signal actions: handler, flags, restorer and mask for signals 1 to 64, in
 * the kernel's own layout (glibc's sigaction() would refuse signals 32, 33).
 * Only the task itself can read them. SIGKILL and SIGSTOP have none and are
 * not in the image: 62 entries.
 *
 * A new task has all actions at default (CLONE_CLEAR_SIGHAND). SIGCHLD is set
 * to default once more before its own action: that discards the SIGCHLDs that
 * helpers and zombies of the restore have left pending.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define SIGNALS	 64
#define ACTIONS	 (SIGNALS - 2)
#define SET_SIZE 8

struct kernel_sigaction {
	uint64_t handler, flags, restorer, mask;
};

static bool has_action(int sig)
{
	return sig != SIGKILL && sig != SIGSTOP;
}

static int sigaction_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	uint64_t out = batch_out(b, ACTIONS * sizeof(struct kernel_sigaction));

	for (int sig = 1; sig <= SIGNALS; sig++) {
		if (!has_action(sig))
			continue;
		batch_call4(b, "rt_sigaction", SYS_rt_sigaction, sig, 0, out, SET_SIZE);
		out += sizeof(struct kernel_sigaction);
	}
	return 0;
}

static int sigaction_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	const struct batch_op *op = (const struct batch_op *)b->local + first;
	const struct kernel_sigaction *sa = batch_at(b, op->arg[2]);
	TaskCoreEntry *tc = t->core->tc;
	SaEntry *entry = arena_alloc(t->task->arena, ACTIONS * sizeof(*entry));

	tc->sigactions = arena_alloc(t->task->arena, ACTIONS * sizeof(*tc->sigactions));
	tc->n_sigactions = ACTIONS;
	for (int i = 0; i < ACTIONS; i++) {
		sa_entry__init(&entry[i]);
		entry[i].sigaction = sa[i].handler;
		entry[i].flags = sa[i].flags;
		entry[i].restorer = sa[i].restorer;
		entry[i].mask = sa[i].mask;
		entry[i].has_compat_sigaction = true;
		tc->sigactions[i] = &entry[i];
	}
	return 0;
}

static void set_action(struct batch *b, int sig, const struct kernel_sigaction *sa)
{
	batch_call4(b, "rt_sigaction", SYS_rt_sigaction, sig,
		batch_in(b, sa, sizeof(*sa)), 0, SET_SIZE);
}

static int sigaction_restore(struct restore_thread *t, struct err *err)
{
	const TaskCoreEntry *tc = t->core->tc;
	const struct kernel_sigaction none = { 0 };

	set_action(&t->p->b, SIGCHLD, &none);
	for (int sig = 1, i = 0; sig <= SIGNALS; sig++) {
		struct kernel_sigaction sa;

		if (!has_action(sig))
			continue;
		sa = (struct kernel_sigaction){
			.handler = tc->sigactions[i]->sigaction,
			.flags = tc->sigactions[i]->flags,
			.restorer = tc->sigactions[i]->restorer,
			.mask = tc->sigactions[i]->mask,
		};
		i++;
		if (sa.handler || sa.flags || sa.restorer || sa.mask)
			set_action(&t->p->b, sig, &sa);
	}
	return 0;
}

static int sigaction_verify(const CoreEntry *core, bool leader, struct err *err)
{
	if (core->tc->n_sigactions != ACTIONS)
		return err_set(err, EINVAL, "%zu entries instead of %d",
			core->tc->n_sigactions, ACTIONS);
	return 0;
}

const struct task_ops sigaction_ops = {
	.name = "signal actions",
	.scope = TASK_WHOLE,
	.ask = sigaction_ask,
	.take = sigaction_take,
	.restore = sigaction_restore,
	.verify = sigaction_verify,
};
