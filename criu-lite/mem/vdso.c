// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel maps a few pages of its own into every task: the vdso (code that
 * reads the clock without a system call) and in front of it its data, [vvar],
 * since Linux 6.13 followed by [vvar_vclock]. They cannot be made by a task,
 * but moved with mremap(2): a new task inherits those of crl, and they go to
 * where they were in the dump.
 *
 * The C library has looked up addresses inside the vdso when the program
 * started. So the code must be the same: a dump of a kernel with another vdso
 * is refused.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "crl/arch.h"
#include "crl/err.h"
#include "crl/proc/smaps.h"
#include "crl/puppet.h"
#include "mem/mem.h"
#include "mem/vdso.h"

int vdso_own(struct vdso *own, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	struct proc_vma v;
	struct smaps it;
	int ret = smaps_open(&it, -1, "/proc/self/maps", &buf, err);

	own->parts = 0;
	if (ret)
		return ret;
	while ((ret = smaps_next(&it, &v, err)) > 0) {
		bool code = proc_text_is(v.name, "[vdso]");

		if (!code && !proc_text_is(v.name, "[vvar]") &&
			!proc_text_is(v.name, "[vvar_vclock]"))
			continue;
		if (own->parts == VDSO_PARTS) {
			ret = err_set(err, EOPNOTSUPP,
				"this kernel maps more areas than crl knows");
			break;
		}
		own->part[own->parts++] =
			(struct vdso_part){ v.start, v.end - v.start, code };
	}
	smaps_close(&it);
	return ret;
}

/* The image has the vvar areas as one. */
int vdso_of_image(
	const struct vdso *own, const MmEntry *mm, struct vdso *wanted, struct err *err)
{
	const VmaEntry *vvar = NULL, *code = NULL;
	uint64_t at, data = 0, text = 0;

	*wanted = *own;
	for (size_t i = 0; i < mm->n_vmas; i++) {
		if (mm->vmas[i]->status & VMA_AREA_VVAR)
			vvar = mm->vmas[i];
		if (mm->vmas[i]->status & VMA_AREA_VDSO)
			code = mm->vmas[i];
	}
	if (!code && !vvar) {
		wanted->parts = 0;
		return 0;
	}
	for (unsigned i = 0; i < own->parts; i++)
		*(own->part[i].code ? &text : &data) += own->part[i].len;
	if (!code || !vvar || code->end - code->start != text ||
		vvar->end - vvar->start != data)
		return err_set(err, EOPNOTSUPP,
			"the vdso of the kernel that the dump was made on is laid out in "
			"another way; "
			"restore on that kernel");
	at = vvar->start;
	for (unsigned i = 0; i < own->parts; i++) {
		wanted->part[i].start = own->part[i].code ? code->start : at;
		at += own->part[i].code ? 0 : own->part[i].len;
	}
	return 0;
}

static bool overlap(const struct vdso *a, const struct vdso *b)
{
	for (unsigned i = 0; i < a->parts; i++)
		for (unsigned k = 0; k < b->parts; k++)
			if (a->part[i].start < b->part[k].start + b->part[k].len &&
				b->part[k].start < a->part[i].start + a->part[i].len)
				return true;
	return false;
}

static void move_all(struct puppet *p, const struct vdso *from, const struct vdso *to)
{
	for (unsigned i = 0; i < from->parts; i++) {
		batch_call5(&p->b, "move the vdso", SYS_mremap, from->part[i].start,
			from->part[i].len, from->part[i].len,
			MREMAP_MAYMOVE | MREMAP_FIXED, to->part[i].start);
		batch_must_be(&p->b, to->part[i].start);
	}
}

int vdso_move(struct puppet *p, const struct vdso *now, const struct vdso *wanted,
	uint64_t parking, struct err *err)
{
	struct vdso parked = *now;
	int ret = puppet_room(p, 4 * VDSO_PARTS, 0, err);

	if (ret || (now->parts == wanted->parts && !memcmp(now, wanted, sizeof(*now))))
		return ret;
	if (!wanted->parts) {
		for (unsigned i = 0; i < now->parts; i++)
			batch_call2(&p->b, "unmap the vdso", SYS_munmap,
				now->part[i].start, now->part[i].len);
		return 0;
	}
	if (!overlap(now, wanted)) {
		move_all(p, now, wanted);
		return 0;
	}
	for (unsigned i = 0; i < parked.parts; i++) {
		parked.part[i].start = parking;
		parking += parked.part[i].len;
	}
	move_all(p, now, &parked);
	move_all(p, &parked, wanted);
	return 0;
}

static const struct vdso_part *code_part(const struct vdso *v)
{
	for (unsigned i = 0; i < v->parts; i++)
		if (v->part[i].code)
			return &v->part[i];
	return NULL;
}

bool vdso_same(const struct vdso *own, const uint8_t *bytes, uint64_t len)
{
	const struct vdso_part *code = code_part(own);

	uint64_t used = code ? code->len : 0;

	/* What lies behind the code is nobody's: a dump that was killed may have left its
	 * stub. */
	while (used && ((const uint8_t *)code->start)[used - 1] == 0)
		used--;
	return code && code->len == len &&
	       !memcmp((const void *)code->start, bytes, used);
}

/* The slow paths of the vdso make real calls; the same code is in crl's own. */
uint64_t vdso_syscall(const struct vdso *own, const struct vdso *there)
{
	const struct vdso_part *here = code_part(own), *code = code_part(there);
	const uint8_t *found;

	if (!here || !code)
		return 0;
	found = memmem((const void *)here->start, here->len, arch_syscall_insn,
		sizeof(arch_syscall_insn));
	return found ? code->start + (found - (const uint8_t *)here->start) : 0;
}

void vdso_bounds(const struct vdso *v, uint64_t *start, uint64_t *end)
{
	*start = *end = 0;
	for (unsigned i = 0; i < v->parts; i++) {
		if (!*start || v->part[i].start < *start)
			*start = v->part[i].start;
		if (v->part[i].start + v->part[i].len > *end)
			*end = v->part[i].start + v->part[i].len;
	}
}
