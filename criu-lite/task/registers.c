// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of an x86-64 thread: general ones, segments and their bases, and
 * the descriptors that set_thread_area(2) keeps. A thread stopped inside a
 * system call is stored so that it makes the call again: ip at the
 * instruction, the number in ax; orig_ax still tells which call it was.
 *
 * Restored last, from outside (revive.c uses registers_set()): as long as a
 * thread is a puppet its registers are those of the stub.
 */
#include <asm/ldt.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "snapshot/obstacles.h"
#include "task/known.h"
#include "task/registers.h"
#include "task/task.h"
#include "task/xstate.h"

#define TLS_FIRST  12 /* the three entries of the GDT that belong to user space */
#define TLS_COUNT  3
#define USER_CS	   0x33
#define USER_DS	   0x2b
#define FLAG_ID	   0x200000ull /* ptrace leaves it as it is */
#define SAFE_FLAGS 0x3f7fd5ull /* what user space may have set: no IOPL, no VM */

/* clang-format off */
#define REGS(X)                                                                            \
	X(r15, r15) X(r14, r14) X(r13, r13) X(r12, r12) X(bp, rbp) X(bx, rbx) X(r11, r11)  \
	X(r10, r10) X(r9, r9) X(r8, r8) X(ax, rax) X(cx, rcx) X(dx, rdx) X(si, rsi)        \
	X(di, rdi) X(orig_ax, orig_rax) X(ip, rip) X(cs, cs) X(flags, eflags) X(sp, rsp)   \
	X(ss, ss) X(fs_base, fs_base) X(gs_base, gs_base) X(ds, ds) X(es, es) X(fs, fs)    \
	X(gs, gs)
/* clang-format on */

static UserX86RegsEntry *gp_entry(struct arena *a, const struct arch_regs *found)
{
	UserX86RegsEntry *e = arena_msg(a, UserX86RegsEntry, user_x86_regs_entry);
	struct arch_regs regs = *found;

	arch_regs_rewind(&regs, SYS_restart_syscall);
#define COPY(image, kernel) e->image = regs.gp.kernel;
	REGS(COPY)
#undef COPY
	e->has_mode = true;
	e->mode = USER_X86_REGS_MODE__NATIVE;
	return e;
}

static UserDescT *tls_entry(struct arena *a, const struct dump_thread *t, int number)
{
	UserDescT *e = arena_msg(a, UserDescT, user_desc_t);
	struct user_desc d = { .read_exec_only = 1, .seg_not_present = 1 };

	/* Fails on a kernel without 32-bit support, where there are no descriptors
	 * either. */
	if (!known_no_tls(t))
		ptrace(PTRACE_GET_THREAD_AREA, t->tid, number, &d);
	e->entry_number = number;
	e->base_addr = d.base_addr;
	e->limit = d.limit;
	e->seg_32bit = d.seg_32bit;
	e->contents_h = d.contents >> 1 & 1;
	e->contents_l = d.contents & 1;
	e->read_exec_only = d.read_exec_only;
	e->limit_in_pages = d.limit_in_pages;
	e->seg_not_present = d.seg_not_present;
	e->usable = d.useable;
	return e;
}

static int registers_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	struct arena *a = t->task->arena;
	ThreadInfoX86 *info = t->core->thread_info;

	if (!arch_regs_native(&t->regs))
		obstacles_add(t->task->obstacles, t->task->pid, t->task->stat.comm,
			"run a 64-bit build of the program",
			"thread %d: 32-bit code is not carried", t->tid);
	info->gpregs = gp_entry(a, &t->regs);
	info->n_tls = TLS_COUNT;
	info->tls = arena_alloc(a, TLS_COUNT * sizeof(*info->tls));
	for (int i = 0; i < TLS_COUNT; i++)
		info->tls[i] = tls_entry(a, t, TLS_FIRST + i);
	return xstate_take(t, err);
}

static int registers_restore(struct restore_thread *t, struct err *err)
{
	const ThreadInfoX86 *info = t->core->thread_info;

	if (info->gpregs->flags & FLAG_ID)
		batch_call1(&t->p->b, "set the flags", ARCH_SET_FLAGS, 0x202 | FLAG_ID);
	for (size_t i = 0; i < info->n_tls; i++) {
		const UserDescT *e = info->tls[i];
		struct user_desc d = {
			.entry_number = e->entry_number,
			.base_addr = e->base_addr,
			.limit = e->limit,
			.seg_32bit = e->seg_32bit,
			.contents = e->contents_h << 1 | e->contents_l,
			.read_exec_only = e->read_exec_only,
			.limit_in_pages = e->limit_in_pages,
			.seg_not_present = e->seg_not_present,
			.useable = e->usable,
		};

		if (!e->seg_not_present)
			batch_call1(&t->p->b, "set_thread_area", SYS_set_thread_area,
				batch_in(&t->p->b, &d, sizeof(d)));
	}
	return 0;
}

void registers_from_image(const CoreEntry *core, struct arch_regs *regs)
{
	const UserX86RegsEntry *e = core->thread_info->gpregs;

	memset(regs, 0, sizeof(*regs));
#define COPY(image, kernel) regs->gp.kernel = e->image;
	REGS(COPY)
#undef COPY
	regs->gp.cs = USER_CS;
	regs->gp.ss = USER_DS;
	regs->gp.eflags = (e->flags & SAFE_FLAGS) | 0x202;
	regs->gp.orig_rax = -1; /* nothing to restart: the image has done that */
}

int registers_set(pid_t tid, const CoreEntry *core, const struct arch_regs *regs,
	const struct xstate_layout *layout, struct err *err)
{
	int ret = xstate_set(tid, core, layout, err);

	return ret ? ret : arch_regs_set(tid, regs, err);
}

static int registers_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const ThreadInfoX86 *info = core->thread_info;
	const UserX86RegsEntry *e;

	if (core->mtype != CORE_ENTRY__MARCH__X86_64 || !info)
		return err_set(err, EINVAL, "the dump is of another architecture");
	e = info->gpregs;
	if ((e->has_mode && e->mode != USER_X86_REGS_MODE__NATIVE) || e->cs != USER_CS)
		return err_set(err, EOPNOTSUPP, "32-bit code is not carried");
	if ((e->ip | e->fs_base | e->gs_base) >> 56 || info->n_tls > TLS_COUNT)
		return err_set(err, EINVAL, "an address is out of range");
	return xstate_verify(core, err);
}

const struct task_ops registers_ops = {
	.name = "registers",
	.scope = TASK_THREAD,
	.take = registers_take,
	.restore = registers_restore,
	.verify = registers_verify,
};
