// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extended state of an x86-64 thread: x87, SSE, AVX, MPX, AVX-512,
 * protection keys. ptrace gives it in the standard format of XSAVE: 512 bytes
 * as FXSAVE writes them, a header whose first word says which components are
 * in use, and the components at offsets that CPUID leaf 13 tells. The image
 * has each component in a field of its own, in the order of their numbers.
 *
 * A component that is in use and has no field (AMX tiles) is refused on dump;
 * one that this processor does not have is refused on restore.
 */
#include <cpuid.h>
#include <errno.h>
#include <string.h>

#include "crl/err.h"
#include "snapshot/arena.h"
#include "snapshot/obstacles.h"
#include "task/task.h"
#include "task/xstate.h"

#define LEGACY_SIZE 512
#define HEADER_SIZE 64
#define ST_WORDS    32
#define XMM_WORDS   64
#define FP_AND_SSE  3ull

enum component { YMM = 2, BNDREGS, BNDCSR, OPMASK, ZMM_HI256, HI16_ZMM, PKRU = 9 };

struct component_info {
	enum component number;
	const char *name;
	size_t size;
};

static const struct component_info components[] = {
	{ YMM, "AVX", 256 },
	{ BNDREGS, "MPX bounds", 64 },
	{ BNDCSR, "MPX configuration", 64 },
	{ OPMASK, "AVX-512 masks", 64 },
	{ ZMM_HI256, "AVX-512 upper halves", 512 },
	{ HI16_ZMM, "AVX-512 registers 16 to 31", 1024 },
	{ PKRU, "protection keys", 8 },
};
#define COMPONENTS (sizeof(components) / sizeof(components[0]))

struct legacy { /* FXSAVE */
	uint16_t cwd, swd, twd, fop;
	uint64_t rip, rdp;
	uint32_t mxcsr, mxcsr_mask;
	uint32_t st[ST_WORDS], xmm[XMM_WORDS];
	uint32_t rest[24];
};

void xstate_layout_read(struct xstate_layout *layout)
{
	unsigned a, b, c, d;

	for (size_t i = 0; i < COMPONENTS; i++) {
		bool there =
			__get_cpuid_count(13, components[i].number, &a, &b, &c, &d) && a;

		layout->offset[components[i].number] = there ? b : 0;
	}
}

/* Where component c lies in a message; NULL when the message has none of it. */
static void *component_field(UserX86XsaveEntry *x, enum component c, size_t *bytes)
{
	switch (c) {
	case YMM:
		return *bytes = x->n_ymmh_space * 4, x->ymmh_space;
	case BNDREGS:
		return *bytes = x->n_bndreg_state * 8, x->bndreg_state;
	case BNDCSR:
		return *bytes = x->n_bndcsr_state * 8, x->bndcsr_state;
	case OPMASK:
		return *bytes = x->n_opmask_reg * 8, x->opmask_reg;
	case ZMM_HI256:
		return *bytes = x->n_zmm_upper * 8, x->zmm_upper;
	case HI16_ZMM:
		return *bytes = x->n_hi16_zmm * 8, x->hi16_zmm;
	case PKRU:
		return *bytes = x->n_pkru * 4, x->pkru;
	}
	return NULL;
}

/* Fields exist for every component this processor has, used or not. */
static void components_alloc(struct arena *a, UserX86XsaveEntry *x)
{
	x->ymmh_space = arena_alloc(a, 4 * (x->n_ymmh_space = 64));
	x->bndreg_state = arena_alloc(a, 8 * (x->n_bndreg_state = 8));
	x->bndcsr_state = arena_alloc(a, 8 * (x->n_bndcsr_state = 8));
	x->opmask_reg = arena_alloc(a, 8 * (x->n_opmask_reg = 8));
	x->zmm_upper = arena_alloc(a, 8 * (x->n_zmm_upper = 64));
	x->hi16_zmm = arena_alloc(a, 8 * (x->n_hi16_zmm = 128));
	x->pkru = arena_alloc(a, 4 * (x->n_pkru = 2));
}

static UserX86FpregsEntry *legacy_entry(struct arena *a, const struct legacy *l)
{
	UserX86FpregsEntry *e = arena_msg(a, UserX86FpregsEntry, user_x86_fpregs_entry);

	e->cwd = l->cwd;
	e->swd = l->swd;
	e->twd = l->twd;
	e->fop = l->fop;
	e->rip = l->rip;
	e->rdp = l->rdp;
	e->mxcsr = l->mxcsr;
	e->mxcsr_mask = l->mxcsr_mask;
	e->n_st_space = ST_WORDS;
	e->st_space = arena_copy(a, l->st, sizeof(l->st));
	e->n_xmm_space = XMM_WORDS;
	e->xmm_space = arena_copy(a, l->xmm, sizeof(l->xmm));
	return e;
}

static void refuse_unknown(struct dump_thread *t, uint64_t used)
{
	uint64_t known = FP_AND_SSE;

	for (size_t i = 0; i < COMPONENTS; i++)
		known |= 1ull << components[i].number;
	if (used & ~known)
		obstacles_add(t->task->obstacles, t->task->pid, t->task->stat.comm,
			"release it in the program (AMX: tilerelease)",
			"thread %d: extended state %#llx (AMX tiles or newer) has no "
			"place in an image",
			t->tid, (unsigned long long)(used & ~known));
}

int xstate_take(struct dump_thread *t, struct err *err)
{
	struct arena *a = t->task->arena;
	struct arch_xstate xs;
	UserX86XsaveEntry *x;
	int ret = arch_xstate_get(t->tid, &xs, err);

	if (ret)
		return ret;
	t->core->thread_info->fpregs = legacy_entry(a, (const struct legacy *)xs.data);
	x = arena_msg(a, UserX86XsaveEntry, user_x86_xsave_entry);
	memcpy(&x->xstate_bv, xs.data + LEGACY_SIZE, sizeof(x->xstate_bv));
	refuse_unknown(t, x->xstate_bv);
	components_alloc(a, x);
	for (size_t i = 0; i < COMPONENTS; i++) {
		size_t off = t->task->layout->offset[components[i].number], bytes;
		void *field = component_field(x, components[i].number, &bytes);

		if (off && off + components[i].size <= xs.size)
			memcpy(field, xs.data + off, components[i].size);
	}
	t->core->thread_info->fpregs->xsave = x;
	return 0;
}

static void legacy_fill(struct legacy *l, const UserX86FpregsEntry *e)
{
	l->cwd = e->cwd;
	l->swd = e->swd;
	l->twd = e->twd;
	l->fop = e->fop;
	l->rip = e->rip;
	l->rdp = e->rdp;
	l->mxcsr = e->mxcsr & (l->mxcsr_mask ? l->mxcsr_mask : 0xffbf);
	memcpy(l->st, e->st_space, sizeof(l->st));
	memcpy(l->xmm, e->xmm_space, sizeof(l->xmm));
}

/* The thread's present state is the frame: its size and enabled features are those of
 * this machine. */
int xstate_set(pid_t tid, const CoreEntry *core, const struct xstate_layout *layout,
	struct err *err)
{
	const UserX86FpregsEntry *e = core->thread_info->fpregs;
	struct arch_xstate xs;
	uint64_t used = FP_AND_SSE;
	int ret = arch_xstate_get(tid, &xs, err);

	if (ret)
		return ret;
	legacy_fill((struct legacy *)xs.data, e);
	memset(xs.data + LEGACY_SIZE, 0, HEADER_SIZE);
	for (size_t i = 0; e->xsave && i < COMPONENTS; i++) {
		size_t off = layout->offset[components[i].number], bytes;
		const void *field =
			component_field(e->xsave, components[i].number, &bytes);

		if (!(e->xsave->xstate_bv >> components[i].number & 1))
			continue;
		memcpy(xs.data + off, field, components[i].size);
		used |= 1ull << components[i].number;
	}
	memcpy(xs.data + LEGACY_SIZE, &used, sizeof(used));
	return arch_xstate_set(tid, &xs, err);
}

static uint64_t enabled_features(void)
{
	uint32_t lo, hi;

	if (!__builtin_cpu_supports("avx")) /* implies that XGETBV works */
		return FP_AND_SSE;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

int xstate_verify(const CoreEntry *core, struct err *err)
{
	const UserX86FpregsEntry *e = core->thread_info->fpregs;
	uint64_t here = enabled_features(), left;

	if (e->n_st_space != ST_WORDS || e->n_xmm_space != XMM_WORDS)
		return err_set(err, EINVAL, "floating point registers are incomplete");
	if (!e->xsave)
		return 0;
	left = e->xsave->xstate_bv & ~FP_AND_SSE;
	for (size_t i = 0; i < COMPONENTS; i++) {
		const struct component_info *c = &components[i];
		size_t bytes;

		if (!(left >> c->number & 1))
			continue;
		left &= ~(1ull << c->number);
		if (!(here >> c->number & 1))
			return err_set(err, EOPNOTSUPP,
				"%s in use, which this processor does not have; restore "
				"on one that does",
				c->name);
		component_field(e->xsave, c->number, &bytes);
		if (bytes < c->size)
			return err_set(err, EINVAL, "%s: incomplete", c->name);
	}
	if (left)
		return err_set(err, EOPNOTSUPP, "unknown extended state %#llx",
			(unsigned long long)left);
	return 0;
}
