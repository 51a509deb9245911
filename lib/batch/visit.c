// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Visits: see crl/visit.h. The order of the steps is what keeps the target safe
 * when the tracer disappears between any two of them:
 *
 *   enter: the stub's tail is written, then the registers point into the stub
 *          (which blocks signals itself), then signals are blocked from here;
 *   leave: the mask comes back first, then the registers.
 *
 * Blocking is not optional: a handler that ran in the middle of a visit would
 * see half of our work. SIGSTOP cannot be blocked; it is passed on, and the
 * group-stop that follows ends when the thread is let go.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/batch.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/visit.h"
#include "stop.h"

static int copy_out(
	struct visit *v, const void *local, uint64_t remote, size_t n, struct err *err)
{
	struct iovec l = { (void *)local, n }, r = { (void *)remote, n };

	if (FAULT(VISIT_WRITE) ||
		(n && process_vm_writev(v->tid, &l, 1, &r, 1, 0) != (ssize_t)n))
		return err_os(err, errno, "thread %d: write %zu bytes", v->tid, n);
	return 0;
}

static int copy_in(
	struct visit *v, void *local, uint64_t remote, size_t n, struct err *err)
{
	struct iovec l = { local, n }, r = { (void *)remote, n };

	if (FAULT(VISIT_READ) ||
		(n && process_vm_readv(v->tid, &l, 1, &r, 1, 0) != (ssize_t)n))
		return err_os(err, errno, "thread %d: read %zu bytes", v->tid, n);
	return 0;
}

static int set_mask(pid_t tid, uint64_t mask, struct err *err)
{
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask))
		return err_os(err, errno, "thread %d: set the signal mask", tid);
	return 0;
}

static int visit_options(struct visit *v, struct err *err)
{
	long options = v->seccomp ? PTRACE_O_SUSPEND_SECCOMP : 0;

	if (ptrace(PTRACE_SETOPTIONS, v->tid, 0, options))
		return err_os(err, errno,
			"thread %d: suspend its seccomp filter (needs CAP_SYS_ADMIN)",
			v->tid);
	return 0;
}

static int visit_enter(struct visit *v, struct err *err)
{
	uint8_t tail[ARCH_STUB_TAIL_MAX];
	uint64_t work_mask = ~stop_mask_bit(v->signo);
	size_t len, off = arch_stub_tail(&v->found, v->mask_found, work_mask,
			    VISIT_SCRATCH, tail, &len);
	struct arch_regs regs = v->found;
	int ret;

	if (FAULT(VISIT_TAIL) ||
		pwrite(v->plant->mem, tail, len, v->plant->stub + off) != (ssize_t)len)
		return err_os(err, errno, "thread %d: write the stub's data", v->tid);
	arch_stub_open(&regs, v->plant->stub, v->tgid, v->tid, v->signo);
	ret = FAULT_STEP(VISIT_REGS, err, arch_regs_set(v->tid, &regs, err));
	if (ret)
		return ret;
	v->entered = true;
	ret = FAULT_STEP(VISIT_MASK, err, set_mask(v->tid, work_mask, err));
	if (!ret)
		ret = FAULT_STEP(VISIT_ENTER, err, stop_run(v->tid, v->signo, err));
	if (!ret)
		ret = arch_regs_get(v->tid, &regs, err);
	if (ret)
		return ret;
	v->scratch = arch_stub_scratch(&regs);
	if (v->scratch >= (uint64_t)-4095) {
		ret = err_os(err, -(int)v->scratch,
			"thread %d: map %d bytes of scratch memory", v->tid,
			VISIT_SCRATCH);
		v->scratch = 0;
	}
	return ret;
}

int visit_begin(struct visit *v, const struct plant *plant, pid_t tgid, pid_t tid,
	int signo, const struct arch_regs *regs, bool seccomp, struct err *err)
{
	struct err ignored;
	int ret;

	*v = (struct visit){
		.plant = plant,
		.tgid = tgid,
		.tid = tid,
		.signo = signo,
		.found = *regs,
		.seccomp = seccomp,
	};
	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(v->mask_found), &v->mask_found))
		return err_os(err, errno, "thread %d: read the signal mask", tid);
	ret = seccomp ? visit_options(v, err) : 0;
	if (!ret)
		ret = visit_enter(v, err);
	if (ret)
		visit_end(v, &ignored);
	return ret;
}

int visit_run(struct visit *v, struct batch *b, struct err *err)
{
	struct arch_regs regs;
	int ret;

	if (b->full)
		return err_set(
			err, E2BIG, "a batch of system calls does not fit its buffer");
	batch_seal(b);
	ret = copy_out(
		v, b->local, v->scratch, (b->count + 1) * sizeof(struct batch_op), err);
	if (!ret)
		ret = copy_out(v, b->local + b->data, v->scratch + b->data,
			b->size - b->data, err);
	if (!ret)
		ret = FAULT_STEP(VISIT_RUN, err, 0);
	if (!ret && v->ran) {
		regs = v->found;
		arch_stub_run(&regs, v->plant->stub, v->scratch, false, v->tgid, v->tid,
			v->signo);
		ret = arch_regs_set(v->tid, &regs, err);
	}
	v->ran |= !ret;
	if (!ret)
		ret = stop_run(v->tid, v->signo, err);
	if (!ret)
		ret = copy_in(
			v, b->local, v->scratch, b->count * sizeof(struct batch_op), err);
	if (!ret)
		ret = copy_in(v, b->local + b->data, v->scratch + b->data,
			b->size - b->data, err);
	return ret;
}

/* An empty batch makes a stub that has not run anything yet go on to its end. */
int visit_end(struct visit *v, struct err *err)
{
	int ret = 0;

	if (v->entered) {
		if (v->scratch && !v->ran)
			ret = stop_run(v->tid, v->signo, err);
		if (v->scratch && !ret)
			ret = stop_run(v->tid, v->signo, err);
		v->scratch = 0;
		if (!ret)
			ret = set_mask(v->tid, v->mask_found, err);
		if (!ret && !FAULT(VISIT_LEAVING))
			ret = arch_regs_set(v->tid, &v->found, err);
		v->entered = false;
	}
	if (v->seccomp) {
		v->seccomp = false;
		if (!ret)
			ret = visit_options(v, err);
	}
	return ret ? ret : FAULT_STEP(VISIT_END, err, 0);
}
