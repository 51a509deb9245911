// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pending signals, those of the task and those of one thread, with their
 * siginfo and in their order. PTRACE_PEEKSIGINFO reads them without taking
 * them away.
 *
 * The task sends them to itself again: rt_sigqueueinfo(2) lets nobody else
 * forge the siginfo of the kernel. A siginfo says by si_code whether it was
 * queued at all: a standard signal that found no room is in the mask only, and
 * comes as SI_USER from pid 0.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define PEEK_AT_ONCE 32

static int peek_queue(
	struct dump_thread *t, bool shared, SignalQueueEntry *q, struct err *err)
{
	struct arena *a = t->task->arena;
	siginfo_t info[PEEK_AT_ONCE];
	struct __ptrace_peeksiginfo_args args = {
		.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0,
		.nr = PEEK_AT_ONCE,
	};
	size_t cap = 0;
	long n;

	do {
		n = ptrace(PTRACE_PEEKSIGINFO, t->tid, &args, info);
		if (n < 0)
			return err_os(err, errno, "read the %s queue",
				shared ? "shared" : "thread's");
		for (long i = 0; i < n; i++) {
			SiginfoEntry *e = arena_msg(a, SiginfoEntry, siginfo_entry);

			e->siginfo.len = sizeof(siginfo_t);
			e->siginfo.data = arena_copy(a, &info[i], sizeof(siginfo_t));
			arena_push(a, q->signals, q->n_signals, cap, e);
		}
		args.off += n;
	} while (n == PEEK_AT_ONCE);
	return 0;
}

/*
 * A thread's status was read before its task was asked for its timers. One that
 * has fired in between shows as expired, and its signal must be in the image: so
 * the queues of a leader and its task are read whatever the status said. (Other
 * threads have their status read later.)
 */
static int sigpending_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	struct arena *a = t->task->arena;
	int ret = 0;

	t->core->thread_core->signals_p =
		arena_msg(a, SignalQueueEntry, signal_queue_entry);
	if (t->leader || t->status.sig_pending)
		ret = peek_queue(t, false, t->core->thread_core->signals_p, err);
	if (ret || !t->leader)
		return ret;
	t->core->tc->signals_s = arena_msg(a, SignalQueueEntry, signal_queue_entry);
	return peek_queue(t, true, t->core->tc->signals_s, err);
}

static int requeue(
	struct restore_thread *t, const SignalQueueEntry *q, bool shared, struct err *err)
{
	struct batch *b = &t->p->b;

	for (size_t i = 0; q && i < q->n_signals; i++) {
		const siginfo_t *info = (const siginfo_t *)q->signals[i]->siginfo.data;
		int ret = puppet_room(t->p, 1, sizeof(*info) + 8, err);

		if (ret)
			return ret;
		if (shared)
			batch_call3(b, "rt_sigqueueinfo", SYS_rt_sigqueueinfo, t->pid,
				info->si_signo, batch_in(b, info, sizeof(*info)));
		else
			batch_call4(b, "rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, t->pid,
				t->tid, info->si_signo, batch_in(b, info, sizeof(*info)));
	}
	return 0;
}

static int sigpending_restore(struct restore_thread *t, struct err *err)
{
	int ret = requeue(t, t->core->thread_core->signals_p, false, err);

	if (!ret && t->leader)
		ret = requeue(t, t->core->tc->signals_s, true, err);
	return ret;
}

static int verify_queue(const SignalQueueEntry *q, struct err *err)
{
	for (size_t i = 0; q && i < q->n_signals; i++) {
		const ProtobufCBinaryData *data = &q->signals[i]->siginfo;
		siginfo_t info;

		if (data->len != sizeof(info))
			return err_set(err, EINVAL, "a siginfo of %zu bytes", data->len);
		memcpy(&info, data->data, sizeof(info));
		if (info.si_signo < 1 || info.si_signo > 64 || info.si_signo == SIGKILL ||
			info.si_signo == SIGSTOP)
			return err_set(err, EINVAL, "signal %d cannot be pending",
				info.si_signo);
	}
	return 0;
}

static int sigpending_verify(const CoreEntry *core, bool leader, struct err *err)
{
	int ret = verify_queue(core->thread_core->signals_p, err);

	return ret || !leader ? ret : verify_queue(core->tc->signals_s, err);
}

const struct task_ops sigpending_ops = {
	.name = "pending signals",
	.scope = TASK_THREAD,
	.take = sigpending_take,
	.restore = sigpending_restore,
	.verify = sigpending_verify,
};
