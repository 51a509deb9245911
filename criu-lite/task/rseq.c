// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restartable sequences (rseq(2)): the area that a thread has registered; glibc
 * does so since 2.35. Linux 5.13 tells it from outside, by
 * PTRACE_GET_RSEQ_CONFIGURATION; before that only the thread's library knew.
 *
 * A thread that was stopped inside a critical section is put on its abort
 * handler before anything else runs in it (rseq_leave): that is what the kernel
 * does to any thread that it preempts there.
 *
 * The kernel writes to the area whenever the thread returns to user space: it
 * is registered when the memory is there, and the area of crl, which the first
 * task inherits, is given up before that is gone (make.c).
 */
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "feature.h"
#include "snapshot/arena.h"
#include "task/rseq.h"
#include "task/subject.h"
#include "task/task.h"

#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif

struct rseq_configuration {
	uint64_t pointer;
	uint32_t size, signature, flags, pad;
};

struct rseq_section { /* struct rseq_cs of the kernel */
	uint32_t version, flags;
	uint64_t start, length, abort;
};

#define RSEQ_CS_OFFSET 8 /* of the pointer to the section, in the area */

static int rseq_get(pid_t tid, struct rseq_configuration *c, struct err *err)
{
	if (ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(*c), c) >= 0)
		return 0;
	c->pointer = 0;
	return errno == EIO || errno == EINVAL
		       ? 0
		       : err_os(err, errno, "read the configuration");
}

static bool read_at(pid_t tid, uint64_t at, void *to, size_t n)
{
	struct iovec l = { to, n }, r = { (void *)at, n };

	return process_vm_readv(tid, &l, 1, &r, 1, 0) == (ssize_t)n;
}

int rseq_leave(struct dump_thread *t, struct err *err)
{
	struct rseq_configuration c;
	struct rseq_section s;
	uint64_t at, ip = arch_regs_ip(&t->regs);
	int ret = rseq_get(t->tid, &c, err);

	if (ret || !c.pointer)
		return ret;
	t->rseq.area = c.pointer;
	t->rseq.size = c.size;
	t->rseq.signature = c.signature;
	if (arch_syscall_nr(&t->regs) >= 0) /* no critical section has one */
		return 0;
	if (read_at(t->tid, c.pointer + RSEQ_CS_OFFSET, &at, sizeof(at)) && at &&
		read_at(t->tid, at, &s, sizeof(s)) && ip - s.start < s.length)
		arch_regs_set_ip(&t->regs, s.abort);
	return 0;
}

static int rseq_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	RseqEntry *e;

	if (!t->rseq.area)
		return 0;
	e = arena_msg(t->task->arena, RseqEntry, rseq_entry);
	e->rseq_abi_pointer = t->rseq.area;
	e->rseq_abi_size = t->rseq.size;
	e->signature = t->rseq.signature;
	t->core->thread_core->rseq_entry = e;
	return 0;
}

static int rseq_restore(struct restore_thread *t, struct err *err)
{
	const RseqEntry *e = t->core->thread_core->rseq_entry;

	if (e)
		batch_call4(&t->p->b, "rseq", SYS_rseq, e->rseq_abi_pointer,
			e->rseq_abi_size, 0, e->signature);
	return 0;
}

static int rseq_check(struct err *err)
{
	struct rseq_configuration c;
	struct subject s;
	int ret = subject_start(&s, NULL, err);

	if (!ret)
		ret = subject_stop(&s, 0, err);
	if (!ret && ptrace(PTRACE_GET_RSEQ_CONFIGURATION, s.pid, sizeof(c), &c) < 0)
		ret = feature_limited(err,
			"this kernel does not tell what is registered; threads "
			"lose it (since Linux 5.13)");
	subject_end(&s);
	return ret;
}

const struct task_ops rseq_ops = {
	.name = "restartable sequences",
	.scope = TASK_THREAD,
	.take = rseq_take,
	.restore = rseq_restore,
	.check = rseq_check,
};
