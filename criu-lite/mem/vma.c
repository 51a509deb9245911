// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings, as /proc/PID/smaps shows them: address, protection, what is mapped,
 * and VmFlags, the only place where the advice given by madvise(2) and locking
 * can be seen.
 *
 * Shared anonymous memory is a file without a name on a hidden tmpfs: the name
 * reads "/dev/zero (deleted)" and the inode tells which tasks share it. A file
 * mapping is entered by the inode that is mapped (files_mapped()), not by name.
 * The kernel's own pages ([vdso], [vvar], [vvar_vclock] since 6.13) differ
 * between kernels; neighbouring vvar areas are one in the image.
 *
 * Refused, each with its name: device mappings other than /dev/zero, huge TLB
 * pages, System V shared memory, userfaultfd, shadow stacks, protection keys,
 * sealed and droppable mappings, uprobes.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/smaps.h"
#include "fd/files.h"
#include "mem/mem.h"
#include "mem/shmem.h"
#include "snapshot/arena.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

struct vma_advice {
	enum vma_flag flag;
	int advice; /* of madvise(2): the bit in VmaEntry.madv */
};

static const struct vma_advice advices[] = {
	{ VMA_RR, MADV_RANDOM },
	{ VMA_SR, MADV_SEQUENTIAL },
	{ VMA_DC, MADV_DONTFORK },
	{ VMA_MG, MADV_MERGEABLE },
	{ VMA_HG, MADV_HUGEPAGE },
	{ VMA_NH, MADV_NOHUGEPAGE },
	{ VMA_DD, MADV_DONTDUMP },
	{ VMA_WF, MADV_WIPEONFORK },
};

struct vma_refusal {
	enum vma_flag flag;
	const char *what, *remedy;
};

static const struct vma_refusal refusals[] = {
	{ VMA_HT, "huge TLB pages",
		"use transparent huge pages (MADV_HUGEPAGE) instead" },
	{ VMA_UM, "registered with userfaultfd", "unregister the range first" },
	{ VMA_UW, "registered with userfaultfd", "unregister the range first" },
	{ VMA_UI, "registered with userfaultfd", "unregister the range first" },
	{ VMA_SS, "a shadow stack", "run the program without shadow stacks" },
	{ VMA_SL, "sealed", "run the program without mseal()" },
	{ VMA_DP, "droppable (MAP_DROPPABLE)", "map it without MAP_DROPPABLE" },
	{ VMA_SF, "synchronous (MAP_SYNC)", "map it without MAP_SYNC" },
	{ VMA_IO, "device memory", "close the device first" },
	{ VMA_PF, "device memory", "close the device first" },
	{ VMA_UNKNOWN, "of a kind that this crl does not know", "use a newer crl" },
};

static void refuse(struct dump_task *t, const struct proc_vma *v, const char *what,
	const char *remedy)
{
	obstacles_add(t->obstacles, t->pid, t->stat.comm, remedy,
		"mapping %llx-%llx (%.*s): %s", (unsigned long long)v->start,
		(unsigned long long)v->end, (int)v->name.len, v->name.s, what);
}

static bool name_is(const struct proc_vma *v, const char *name)
{
	return v->name.len == strlen(name) && !memcmp(v->name.s, name, v->name.len);
}

static bool name_begins(const struct proc_vma *v, const char *name)
{
	size_t n = strlen(name);

	return v->name.len >= n && !memcmp(v->name.s, name, n);
}

static uint64_t vma_advised(const struct proc_vma *v)
{
	uint64_t madv = 0;

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (vma_has(v, advices[i].flag))
			madv |= 1ull << advices[i].advice;
	return madv;
}

static uint32_t vma_map_flags(const struct proc_vma *v)
{
	return (v->shared ? MAP_SHARED : MAP_PRIVATE) |
	       (vma_has(v, VMA_GD) ? MAP_GROWSDOWN : 0) |
	       (vma_has(v, VMA_LO) ? MAP_LOCKED : 0) |
	       (vma_has(v, VMA_NR) ? MAP_NORESERVE : 0);
}

/*
 * Where the processor has protection keys, the kernel puts one on each mapping
 * that may be executed and not read. It does so again when such a mapping is
 * made. Other keys are the program's, and their allocation cannot be seen.
 */
static bool vma_has_own_key(const struct proc_vma *v)
{
	return v->pkey > 0 && v->prot != PROT_EXEC;
}

static void vma_refuse_flags(struct dump_task *t, const struct proc_vma *v)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (vma_has(v, refusals[i].flag))
			refuse(t, v, refusals[i].what, refusals[i].remedy);
	if (vma_has_own_key(v))
		refuse(t, v, "under a protection key", "remove it with pkey_mprotect()");
}

static VmaEntry *vma_add(
	struct dump_task *t, struct mem_dump *m, const struct proc_vma *v)
{
	VmaEntry *e = arena_msg(t->arena, VmaEntry, vma_entry);

	e->start = v->start;
	e->end = v->end;
	e->prot = v->prot;
	e->flags = vma_map_flags(v);
	e->fd = -1;
	e->madv = vma_advised(v);
	e->has_madv = e->madv != 0;
	arena_push(t->arena, m->mm->vmas, m->mm->n_vmas, m->vma_cap, e);
	return e;
}

/* The kernel's own pages; false for a mapping that is none of them. */
static bool vma_special(struct dump_task *t, struct mem_dump *m, const struct proc_vma *v)
{
	VmaEntry *e, *last = m->mm->n_vmas ? m->mm->vmas[m->mm->n_vmas - 1] : NULL;

	if (!name_begins(v, "[v")) /* nothing else begins so */
		return false;
	if (name_begins(v, "[vvar")) {
		if (last && (last->status & VMA_AREA_VVAR) && last->end == v->start) {
			last->end = v->end;
			return true;
		}
		e = vma_add(t, m, v);
		e->status = VMA_AREA_REGULAR | VMA_ANON_PRIVATE | VMA_AREA_VVAR;
	} else if (name_is(v, "[vdso]")) {
		e = vma_add(t, m, v);
		e->status = VMA_AREA_REGULAR | VMA_ANON_PRIVATE | VMA_AREA_VDSO;
	} else if (name_is(v, "[vsyscall]")) {
		e = vma_add(t, m, v);
		e->status = VMA_ANON_PRIVATE | VMA_AREA_VSYSCALL;
	} else {
		return false;
	}
	e->flags = MAP_PRIVATE | MAP_ANONYMOUS;
	return true;
}

static void vma_anonymous(
	struct dump_task *t, struct mem_dump *m, const struct proc_vma *v)
{
	VmaEntry *e = vma_add(t, m, v);

	e->status = VMA_AREA_REGULAR | VMA_ANON_PRIVATE;
	if (name_is(v, "[heap]"))
		e->status |= VMA_AREA_HEAP;
	e->flags |= MAP_ANONYMOUS;
	if (name_begins(v, "[anon:"))
		e->crl_name = arena_printf(
			t->arena, "%.*s", (int)v->name.len - 7, v->name.s + 6);
}

static int vma_shared_anonymous(struct dump_task *t, struct shmem *shmem,
	struct mem_dump *m, const struct proc_vma *v, struct err *err)
{
	VmaEntry *e = vma_add(t, m, v);

	e->status = VMA_AREA_REGULAR | VMA_ANON_SHARED;
	e->flags |= MAP_ANONYMOUS;
	e->shmid = v->inode;
	e->pgoff = v->pgoff;
	return shmem_mapped(shmem, t, v, err);
}

static bool vma_refuse_file(struct dump_task *t, const struct proc_vma *v)
{
	const char *what = NULL, *remedy = "unmap it before the dump";

	if (name_begins(v, "/SYSV"))
		what = "System V shared memory is not carried yet";
	else if (name_begins(v, "/secretmem"))
		what = "memfd_secret memory cannot be read by anybody else";
	else if (name_begins(v, "/[aio]"))
		what = "a ring of asynchronous I/O (io_setup) is not carried yet";
	else if (name_begins(v, "anon_inode:") || name_begins(v, "socket:"))
		what = "memory of a descriptor is not carried";
	else if (name_begins(v, "[uprobes]"))
		what = "uprobes are active in the task", remedy = "remove the probes";
	if (what)
		refuse(t, v, what, remedy);
	return what;
}

static int vma_file(struct dump_task *t, struct files *files, struct mem_dump *m,
	const struct proc_vma *v, struct err *err)
{
	bool writable = v->shared && vma_has(v, VMA_MW);
	bool memfd = false;
	VmaEntry *e;
	uint32_t id = 0;
	int ret;

	if (vma_refuse_file(t, v) ||
		vma_has(v, VMA_HT)) /* huge pages are refused already */
		return 0;
	ret = files_mapped(files, t, v, writable, &id, &memfd, err);
	if (ret)
		return ret;
	e = vma_add(t, m, v);
	e->status = VMA_AREA_REGULAR | (v->shared ? VMA_FILE_SHARED : VMA_FILE_PRIVATE) |
		    (memfd ? VMA_AREA_MEMFD : 0);
	e->shmid = id;
	e->pgoff = v->pgoff;
	e->has_fdflags = true;
	e->fdflags = writable ? 02 : 0; /* O_RDWR, O_RDONLY */
	return 0;
}

static int vma_one(struct dump_task *t, struct files *files, struct shmem *shmem,
	struct mem_dump *m, const struct proc_vma *v, struct err *err)
{
	if (vma_special(t, m, v))
		return 0;
	vma_refuse_flags(t, v);
	if (v->shared && v->major == 0 && name_is(v, "/dev/zero (deleted)"))
		return vma_shared_anonymous(t, shmem, m, v, err);
	if (!v->inode && !v->shared && (!v->name.len || v->name.s[0] == '['))
		return vma_anonymous(t, m, v), 0;
	return vma_file(t, files, m, v, err);
}

int vma_collect(struct dump_task *t, struct files *files, struct shmem *shmem,
	struct mem_dump *m, struct err *err)
{
	struct smaps it;
	struct proc_vma v;
	PROC_BUF_AUTO buf = { 0 };
	int ret = FAULT_STEP(VMA_OPEN, err, smaps_open(&it, t->proc, "smaps", &buf, err));

	if (ret)
		return err_in(err, ret, "mappings");
	m->mm = arena_msg(t->arena, MmEntry, mm_entry);
	while ((ret = smaps_next(&it, &v, err)) > 0) {
		ret = vma_one(t, files, shmem, m, &v, err);
		if (ret) {
			err_in(err, ret, "mapping %llx-%llx", (unsigned long long)v.start,
				(unsigned long long)v.end);
			break;
		}
	}
	smaps_close(&it);
	return ret;
}
