// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Puppets: see crl/puppet.h. All signals but SIGURG are blocked in a puppet
 * from the moment it is placed; a puppet has no handlers before its very last
 * batch, and whatever it has, we swallow the signal before it is delivered.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "crl/puppet.h"
#include "stop.h"

#define PUPPET_SIGNAL SIGURG
#define CODE_SIZE     4096

size_t stage_size(void)
{
	return CODE_SIZE + (size_t)STAGE_SLOTS * STAGE_SLOT_SIZE;
}

int stage_open(struct stage *stage, uint64_t base, struct err *err)
{
	size_t size = stage_size();
	void *at;

	*stage = (struct stage){ .base = base, .size = size };
	stage->note = calloc(STAGE_SLOTS * STAGE_OPS, sizeof(*stage->note));
	if (!stage->note)
		return err_os(err, ENOMEM, "notes of the stage");
	at = mmap((void *)base, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
	if (FAULT(STAGE) || at == MAP_FAILED)
		return err_os(
			err, errno, "map the stage at %#llx", (unsigned long long)base);
	memcpy(at, arch_stub_code(), arch_stub_size());
	if (mprotect(at, CODE_SIZE, PROT_READ | PROT_EXEC))
		return err_os(err, errno, "make the stage executable");
	return 0;
}

void stage_close(struct stage *stage)
{
	if (stage->size)
		munmap((void *)stage->base, stage->size);
	free(stage->note);
	*stage = (struct stage){ 0 };
}

void puppet_init_part(struct puppet *p, const struct stage *stage, unsigned slot,
	unsigned part, unsigned parts, pid_t pid, pid_t tid)
{
	size_t size = STAGE_SLOT_SIZE / parts;
	unsigned notes = STAGE_OPS / parts;
	uint64_t at =
		stage->base + CODE_SIZE + (uint64_t)slot * STAGE_SLOT_SIZE + part * size;

	*p = (struct puppet){ .stage = stage, .pid = pid, .tid = tid, .slot = slot };
	batch_init(&p->b, (void *)at, size, at,
		stage->note + slot * STAGE_OPS + part * notes, notes);
}

void puppet_init(
	struct puppet *p, const struct stage *stage, unsigned slot, pid_t pid, pid_t tid)
{
	puppet_init_part(p, stage, slot, 0, 1, pid, tid);
}

static int puppet_place(struct puppet *p, struct err *err)
{
	uint64_t mask = ~stop_mask_bit(PUPPET_SIGNAL);
	struct arch_regs regs;
	int ret = arch_regs_get(p->tid, &regs, err);

	if (ret)
		return ret;
	arch_stub_run(
		&regs, p->stage->base, p->b.remote, true, p->pid, p->tid, PUPPET_SIGNAL);
	ret = FAULT_STEP(PUPPET_REGS, err, arch_regs_set(p->tid, &regs, err));
	if (ret)
		return ret;
	if (FAULT(PUPPET_MASK) || ptrace(PTRACE_SETSIGMASK, p->tid, sizeof(mask), &mask))
		return err_os(err, errno, "thread %d: set the signal mask", p->tid);
	p->placed = true;
	return 0;
}

int puppet_start(struct puppet *p, struct err *err)
{
	int ret = 0;

	if (!p->b.count && !p->b.full)
		return 0;
	if (p->b.full)
		return err_set(
			err, E2BIG, "a batch of system calls does not fit its buffer");
	batch_seal(&p->b);
	if (!p->placed)
		ret = puppet_place(p, err);
	if (!ret)
		ret = FAULT_STEP(PUPPET_RUN, err, stop_continue(p->tid, err));
	p->running = !ret;
	return ret;
}

int puppet_finish(struct puppet *p, struct err *err)
{
	int ret;

	if (!p->running)
		return 0;
	p->running = false;
	ret = FAULT_STEP(
		PUPPET_WAIT, err, stop_wait(p->tid, PUPPET_SIGNAL, STOP_HERE, err));
	if (!ret)
		ret = batch_verify(&p->b, err);
	if (!ret)
		batch_reset(&p->b);
	return ret;
}

int puppet_run(struct puppet *p, struct err *err)
{
	int ret = puppet_start(p, err);

	return ret ? ret : puppet_finish(p, err);
}

int puppet_room(struct puppet *p, unsigned calls, size_t bytes, struct err *err)
{
	if (batch_fits(&p->b, calls, bytes))
		return 0;
	return puppet_run(p, err);
}

int puppet_born(pid_t tid, struct err *err)
{
	int status;

	while (FAULT(BORN) || waitpid(tid, &status, __WALL) < 0)
		if (errno != EINTR)
			return err_os(err, errno, "thread %d: wait for its birth", tid);
	if (!WIFSTOPPED(status))
		return err_set(err, ESRCH, "thread %d died at its birth", tid);
	return 0;
}

/* A single step over the instruction: the trap comes when the call has returned. */
int puppet_syscall_at(pid_t tid, uint64_t ip, long nr, const uint64_t arg[6],
	int64_t *result, struct err *err)
{
	const uint64_t mask = ~0ull;
	struct arch_regs regs;
	int ret = arch_regs_get(tid, &regs, err);
	int status;

	if (ret)
		return ret;
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask))
		return err_os(err, errno, "thread %d: block signals", tid);
	arch_regs_syscall(&regs, ip, nr, arg);
	ret = arch_regs_set(tid, &regs, err);
	if (ret)
		return ret;
	if (ptrace(PTRACE_SINGLESTEP, tid, 0, 0))
		return err_os(err, errno, "thread %d: step", tid);
	while (waitpid(tid, &status, __WALL) < 0)
		if (errno != EINTR)
			return err_os(err, errno, "thread %d: wait", tid);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		return err_set(err, ESRCH, "thread %d: unexpected state %#x after a step",
			tid, status);
	ret = arch_regs_get(tid, &regs, err);
	if (!ret)
		*result = arch_syscall_ret(&regs);
	return ret;
}
