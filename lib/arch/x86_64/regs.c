// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Registers of a stopped x86-64 thread, by ptrace(2), and the register side of
 * the stub (stub.S).
 *
 * A thread that ptrace stops inside a system call shows the call's number in
 * orig_rax and one of the kernel's private results in rax:
 *	-512 ERESTARTSYS, -513 ERESTARTNOINTR, -514 ERESTARTNOHAND: run it again;
 *	-516 ERESTART_RESTARTBLOCK: go on with restart_syscall(2).
 * The kernel acts on them when the thread leaves the stop, if orig_rax is still
 * not negative. Whoever makes the thread run something else first has to do
 * the same: put rip back by the two bytes of the instruction.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "crl/arch.h"
#include "crl/err.h"

#define KERNEL_ERESTARTSYS	     512
#define KERNEL_ERESTARTNOINTR	     513
#define KERNEL_ERESTARTNOHAND	     514
#define KERNEL_ERESTART_RESTARTBLOCK 516

extern const char stub_start[], stub_call[], stub_run[], stub_tail[], stub_end[];

const uint8_t arch_syscall_insn[2] = { 0x0f, 0x05 };

/* The data at the end of the stub; the order is that of stub.S. */
struct stub_tail {
	uint64_t ax, bx, cx, dx, si, di, bp, r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t ip, sp, flags, mask, size, work_mask;
};

int arch_regs_get(pid_t tid, struct arch_regs *regs, struct err *err)
{
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs->gp))
		return err_os(err, errno, "thread %d: read registers", tid);
	return 0;
}

int arch_regs_set(pid_t tid, const struct arch_regs *regs, struct err *err)
{
	if (ptrace(PTRACE_SETREGS, tid, 0, &regs->gp))
		return err_os(err, errno, "thread %d: write registers", tid);
	return 0;
}

int arch_xstate_get(pid_t tid, struct arch_xstate *xs, struct err *err)
{
	struct iovec iov = { .iov_base = xs->data, .iov_len = sizeof(xs->data) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov))
		return err_os(err, errno, "thread %d: read the extended registers", tid);
	xs->size = iov.iov_len;
	return 0;
}

int arch_xstate_set(pid_t tid, const struct arch_xstate *xs, struct err *err)
{
	struct iovec iov = { .iov_base = (void *)xs->data, .iov_len = xs->size };

	if (ptrace(PTRACE_SETREGSET, tid, NT_X86_XSTATE, &iov))
		return err_os(err, errno, "thread %d: write the extended registers", tid);
	return 0;
}

bool arch_regs_native(const struct arch_regs *regs)
{
	return regs->gp.cs == 0x33;
}

uint64_t arch_regs_ip(const struct arch_regs *regs)
{
	return regs->gp.rip;
}

uint64_t arch_regs_sp(const struct arch_regs *regs)
{
	return regs->gp.rsp;
}

void arch_regs_set_ip(struct arch_regs *regs, uint64_t ip)
{
	regs->gp.rip = ip;
}

long arch_syscall_nr(const struct arch_regs *regs)
{
	return (long)regs->gp.orig_rax;
}

long arch_syscall_ret(const struct arch_regs *regs)
{
	return (long)regs->gp.rax;
}

uint64_t arch_syscall_arg(const struct arch_regs *regs, int i)
{
	const struct user_regs_struct *gp = &regs->gp;
	const uint64_t arg[6] = { gp->rdi, gp->rsi, gp->rdx, gp->r10, gp->r8, gp->r9 };

	return arg[i];
}

void arch_regs_rewind(struct arch_regs *regs, long restart_block)
{
	struct user_regs_struct *gp = &regs->gp;

	if ((long)gp->orig_rax < 0)
		return;
	switch (-(long)gp->rax) {
	case KERNEL_ERESTARTSYS:
	case KERNEL_ERESTARTNOINTR:
	case KERNEL_ERESTARTNOHAND:
		arch_regs_repeat(regs);
		break;
	case KERNEL_ERESTART_RESTARTBLOCK:
		gp->rax = restart_block;
		gp->rip -= sizeof(arch_syscall_insn);
		break;
	}
}

void arch_regs_repeat(struct arch_regs *regs)
{
	regs->gp.rax = regs->gp.orig_rax;
	regs->gp.rip -= sizeof(arch_syscall_insn);
}

void arch_regs_syscall(
	struct arch_regs *regs, uint64_t ip, long nr, const uint64_t arg[6])
{
	struct user_regs_struct *gp = &regs->gp;

	gp->rip = ip;
	gp->rax = nr;
	gp->orig_rax = -1;
	gp->rdi = arg[0];
	gp->rsi = arg[1];
	gp->rdx = arg[2];
	gp->r10 = arg[3];
	gp->r8 = arg[4];
	gp->r9 = arg[5];
}

size_t arch_stub_size(void)
{
	return stub_end - stub_start;
}

const void *arch_stub_code(void)
{
	return stub_start;
}

size_t arch_stub_syscall(void)
{
	return stub_call - stub_start;
}

size_t arch_stub_tail(const struct arch_regs *found, uint64_t sigmask, uint64_t work_mask,
	size_t scratch, void *tail, size_t *len)
{
	struct arch_regs regs = *found;
	const struct user_regs_struct *gp = &regs.gp;
	struct stub_tail t;

	arch_regs_rewind(&regs, SYS_restart_syscall);
	t = (struct stub_tail){
		.ax = gp->rax,
		.bx = gp->rbx,
		.cx = gp->rcx,
		.dx = gp->rdx,
		.si = gp->rsi,
		.di = gp->rdi,
		.bp = gp->rbp,
		.r8 = gp->r8,
		.r9 = gp->r9,
		.r10 = gp->r10,
		.r11 = gp->r11,
		.r12 = gp->r12,
		.r13 = gp->r13,
		.r14 = gp->r14,
		.r15 = gp->r15,
		.ip = gp->rip,
		.sp = gp->rsp,
		.flags = gp->eflags,
		.mask = sigmask,
		.size = scratch,
		.work_mask = work_mask,
	};
	memcpy(tail, &t, sizeof(t));
	*len = sizeof(t);
	return stub_tail - stub_start;
}

static void stub_identity(struct user_regs_struct *gp, pid_t tgid, pid_t tid, int signo)
{
	gp->r14 = tgid;
	gp->r15 = tid;
	gp->rbp = signo;
	gp->orig_rax = -1;
	gp->eflags = 0x202;
}

void arch_stub_open(
	struct arch_regs *regs, uint64_t stub, pid_t tgid, pid_t tid, int signo)
{
	struct user_regs_struct *gp = &regs->gp;

	gp->rip = stub;
	stub_identity(gp, tgid, tid, signo);
	gp->r13 = 0;
}

void arch_stub_run(struct arch_regs *regs, uint64_t stub, uint64_t batch, bool again,
	pid_t tgid, pid_t tid, int signo)
{
	struct user_regs_struct *gp = &regs->gp;

	gp->rip = stub + (stub_run - stub_start);
	gp->rbx = batch;
	gp->r13 = again;
	stub_identity(gp, tgid, tid, signo);
}

uint64_t arch_stub_scratch(const struct arch_regs *regs)
{
	return regs->gp.rbx;
}
