// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupted system calls that wait for a time. Most calls are simply made
 * again: the kernel has written what remains into the caller's own timeout
 * (select, ppoll), or the time is absolute, or there is none. Four keep the
 * rest of their time in the kernel (the thread's restart block) and go on
 * through restart_syscall(2): nanosleep, clock_nanosleep, poll and futex.
 *
 * Dump: the rest is what the kernel has put into the caller's `rem` argument,
 * where there is one; else what task/restart-block.c finds in the kernel.
 *
 * A call that is made again must not begin anew behind a signal handler: pause()
 * would then sleep for ever. So the thread gets back the state "interrupted" of the
 * kernel, which decides, when the thread goes on, whether to repeat the call or to
 * run a handler and report EINTR.
 *
 * Restore of the four: the thread makes its call with the rest of the time, while a stop
 * is already pending: the call starts, sees it, and leaves a restart block
 * like the one that was. Then the thread gets its registers in the state "goes
 * on through restart_syscall".
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/log.h"
#include "crl/proc/records.h"
#include "feature.h"
#include "snapshot/arena.h"
#include "task/known.h"
#include "task/restart.h"
#include "task/restart-block.h"
#include "task/task.h"

#define RESTARTSYS    512
#define RESTARTNOHAND 514
#define RESTARTBLOCK  (-516)
#define NS_A_SECOND   1000000000ull
#define INSN_SIZE     2

static bool is_restart(long error)
{
	return error >= RESTARTSYS && error <= RESTARTNOHAND;
}

static bool waits_forever(const struct arch_regs *regs)
{
	switch (arch_syscall_nr(regs)) {
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
		return (int)arch_syscall_arg(regs, 3) < 0;
	case SYS_epoll_pwait2:
		return !arch_syscall_arg(regs, 3);
	case SYS_rt_sigtimedwait:
		return !arch_syscall_arg(regs, 2);
	case SYS_semtimedop:
		return !arch_syscall_arg(regs, 3);
	case SYS_semop:
		return true;
	case SYS_io_getevents:
		return !arch_syscall_arg(regs, 4);
	}
	return false;
}

void restart_repeat(struct arch_regs *regs, const struct proc_status *status)
{
	uint64_t pending =
		(status->sig_pending | status->shd_pending) & ~status->sig_blocked;

	if (arch_syscall_nr(regs) >= 0 && arch_syscall_ret(regs) == -EINTR && !pending &&
		waits_forever(regs))
		arch_regs_repeat(regs);
}

/* The address where the call reports what remains, 0 for none. */
static uint64_t rem_argument(const struct arch_regs *regs)
{
	switch (arch_syscall_nr(regs)) {
	case SYS_nanosleep:
		return arch_syscall_arg(regs, 1);
	case SYS_clock_nanosleep:
		return arch_syscall_arg(regs, 3);
	}
	return 0;
}

static CrlThread *ours(struct dump_thread *t)
{
	ThreadCoreEntry *tc = t->core->thread_core;

	if (!tc->crl)
		tc->crl = arena_msg(t->task->arena, CrlThread, crl_thread);
	return tc->crl;
}

static int restart_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	CrlThread *own;
	uint64_t ns, rem;
	long nr = arch_syscall_nr(&t->regs);
	struct timespec ts;
	struct iovec l = { &ts, sizeof(ts) }, r;

	if (nr >= 0 && is_restart(-arch_syscall_ret(&t->regs))) {
		ours(t)->has_restart_error = true;
		ours(t)->restart_error = -arch_syscall_ret(&t->regs);
	}
	if (nr < 0 || arch_syscall_ret(&t->regs) != RESTARTBLOCK)
		return 0;
	rem = rem_argument(&t->regs);
	r = (struct iovec){ (void *)rem, sizeof(ts) };
	if (rem && process_vm_readv(t->tid, &l, 1, &r, 1, 0) == sizeof(ts)) {
		ns = ts.tv_sec * NS_A_SECOND + ts.tv_nsec;
	} else if (restart_block_rest(
			   known_records(t->task->known), t->tid, &t->regs, &nr, &ns)) {
		log_warn(t->task->log,
			"pid %d: thread %d: what remains of its wait (call %ld) is not "
			"known: it will "
			"see EINTR after a restore",
			t->task->pid, t->tid, nr);
		return 0;
	}
	own = ours(t);
	own->has_restart_nr = true;
	own->restart_nr = nr;
	own->has_restart_ns = true;
	own->restart_ns = ns;
	return 0;
}

/* The arguments of the call, with the time replaced by `req`; false for a call that is
 * none of ours. */
static bool rest_arguments(
	long nr, const struct arch_regs *regs, uint64_t ns, uint64_t req, uint64_t arg[6])
{
	for (int i = 0; i < 6; i++)
		arg[i] = arch_syscall_arg(regs, i);
	switch (nr) {
	case SYS_nanosleep:
		arg[0] = req;
		return true;
	case SYS_clock_nanosleep:
		arg[2] = req;
		return arg[1] == 0;
	case SYS_poll:
		arg[2] = ns == RESTART_FOREVER ? -1ull : (ns + 999999) / 1000000;
		return true;
	case SYS_futex: /* FUTEX_WAIT_BITSET has an absolute time, in memory of its own */
		if ((arg[1] & FUTEX_CMD_MASK) == FUTEX_WAIT)
			arg[3] = req;
		return true;
	}
	return false;
}

static int step_into_call(pid_t tid, struct err *err)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, tid, 0, 0))
		return err_os(err, errno, "enter the interrupted call");
	if (waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return err_set(err, ESRCH, "it died in the interrupted call");
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) || ptrace(PTRACE_CONT, tid, 0, 0))
		return err_os(err, errno, "stop in the interrupted call");
	if (waitpid(tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		return err_set(err, ESRCH, "it died in the interrupted call");
	return 0;
}

void restart_state(const CoreEntry *core, struct arch_regs *regs)
{
	const UserX86RegsEntry *image = core->thread_info->gpregs;
	const CrlThread *own = core->thread_core->crl;

	if (!own || !own->has_restart_error || (int64_t)image->orig_ax < 0 ||
		image->ax != image->orig_ax)
		return;
	regs->gp.orig_rax = image->orig_ax;
	regs->gp.rax = -(int64_t)own->restart_error;
	regs->gp.rip += INSN_SIZE;
}

int restart_call(pid_t tid, const CoreEntry *core, uint64_t insn, uint64_t req,
	void *req_here, struct arch_regs *regs, struct err *err)
{
	const CrlThread *own = core->thread_core->crl;
	struct arch_regs call = *regs;
	uint64_t arg[6], ns;
	struct timespec ts;
	int ret;

	if (!own || !own->has_restart_ns || !own->has_restart_nr)
		return 0;
	ns = own->restart_ns;
	if (!rest_arguments(own->restart_nr, regs, ns, req, arg))
		return 0;
	ts = (struct timespec){ .tv_sec = ns / NS_A_SECOND, .tv_nsec = ns % NS_A_SECOND };
	memcpy(req_here, &ts, sizeof(ts));
	arch_regs_syscall(&call, insn, own->restart_nr, arg);
	ret = arch_regs_set(tid, &call, err);
	if (!ret)
		ret = step_into_call(tid, err);
	if (!ret)
		ret = arch_regs_get(tid, &call, err);
	if (ret)
		return err_in(err, ret, "thread %d", tid);
	regs->gp.rax = call.gp.rax;
	regs->gp.orig_rax =
		call.gp.rax == (uint64_t)RESTARTBLOCK ? own->restart_nr : -1ull;
	regs->gp.rip += INSN_SIZE;
	return 0;
}

static int restart_check(struct err *err)
{
	struct task_records *records = NULL;
	struct err why;
	int ret = task_records_read(&records, &why);

	task_records_free(records);
	if (!ret)
		return 0;
	return feature_limited(err,
		"what remains of a wait is known only where the caller asked for "
		"it; other sleeps see EINTR (%.300s)",
		why.text);
}

static int restart_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const CrlThread *own = core->thread_core->crl;

	if (own && own->has_restart_error && !is_restart(own->restart_error))
		return err_set(err, EINVAL, "%u is no way to restart a call",
			own->restart_error);
	return 0;
}

const struct task_ops restart_ops = {
	.name = "interrupted call",
	.scope = TASK_THREAD,
	.take = restart_take,
	.verify = restart_verify,
	.check = restart_check,
};
