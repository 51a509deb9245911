// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making an address space. The puppet begins with that of its maker: the first
 * task with crl's own, all others with what their parent was given. Order:
 *
 *   1. what is not wanted is unmapped (layout.c decides),
 *   2. the kernel's own areas are moved to their place (vdso.c),
 *   3. new mappings are made, file by file, writable as long as pages are read,
 *   4. pages are read from the page file by the task itself, straight to their
 *      place; where the parent's page is inherited and alike, none is read,
 *   5. protections, advice, locks, names and guard markers,
 *   6. the addresses that the kernel keeps of a program (PR_SET_MM_MAP).
 *
 * Pages that the parent has and the task had not are dropped again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/puppet.h"
#include "fd/restore-files.h"
#include "fd/transfer.h"
#include "image/magic.h"
#include "mem/layout.h"
#include "mem/mem.h"
#include "mem/refill.h"
#include "mem/restore.h"
#include "mem/vdso.h"
#include "proto/fdinfo.pb-c.h"

#define TASK_END 0x7ffffffff000ull
#define MAP_LOW	 0x1000ull
#ifndef PR_SET_VMA
#define PR_SET_VMA	     0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

int mem_restore_init(struct mem_restore *r, struct err *err)
{
	arena_init(&r->arena);
	arena_init(&r->parent_arena);
	r->segment = calloc(r->snap->shmems + 1, sizeof(*r->segment));
	if (!r->segment)
		return err_os(err, ENOMEM, "shared memory");
	for (size_t i = 0; i < r->snap->shmems; i++)
		r->segment[i] =
			(struct shared_segment){ &r->snap->shmem[i], MAP_FAILED, -1 };
	return vdso_own(&r->own, err);
}

void mem_restore_deinit(struct mem_restore *r)
{
	if (r->segment)
		mem_restore_shared_end(r);
	free(r->segment);
	r->segment = NULL;
	arena_deinit(&r->arena);
	arena_deinit(&r->parent_arena);
}

static int segment_open(struct shared_segment *s, struct err *err)
{
	char path[80];

	s->at = FAULT(SHARED_MAP)
			? MAP_FAILED
			: mmap(NULL, s->image->size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (s->at == MAP_FAILED)
		return err_os(
			err, errno, "map %llu bytes", (unsigned long long)s->image->size);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)s->at,
		(unsigned long)s->at + s->image->size);
	s->fd = FAULT(SHARED_OPEN) ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return err_os(err, errno, "open it (needs CAP_CHECKPOINT_RESTORE)");
	return 0;
}

static int segment_fill(struct mem_restore *r, struct shared_segment *s, struct err *err)
{
	const struct snap_pagemap *map = &s->image->pages;
	char name[IMAGE_NAME_SIZE];
	auto_fd int fd = -1;

	if (!map->bytes)
		return 0;
	image_name(name, IMAGE_PAGES, map->file);
	fd = openat(r->snap->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_os(err, errno, "%s", name);
	for (size_t i = 0; i < map->count; i++) {
		uint64_t at = map->run[i].at, len = map->run[i].len,
			 from = map->run[i].offset;

		if (at >= s->image->size)
			break; /* a part that nobody maps any more */
		if (len > s->image->size - at)
			len = s->image->size - at;
		while (len) {
			ssize_t n = FAULT(SHARED_READ)
					    ? -1
					    : pread(fd, (char *)s->at + at, len, from);

			if (n <= 0)
				return err_os(err, n ? errno : EIO, "read %s", name);
			at += n;
			from += n;
			len -= n;
		}
	}
	return 0;
}

int mem_restore_shared(struct mem_restore *r, struct err *err)
{
	for (size_t i = 0; i < r->snap->shmems; i++) {
		struct shared_segment *s = &r->segment[i];
		int ret = segment_open(s, err);

		if (!ret)
			ret = segment_fill(r, s, err);
		if (ret)
			return err_in(err, ret, "shared memory %llu",
				(unsigned long long)s->image->id);
	}
	return 0;
}

void mem_restore_shared_end(struct mem_restore *r)
{
	for (size_t i = 0; i < r->snap->shmems; i++) {
		struct shared_segment *s = &r->segment[i];

		if (s->at != MAP_FAILED)
			munmap(s->at, s->image->size);
		if (s->fd >= 0)
			close(s->fd);
		s->at = MAP_FAILED;
		s->fd = -1;
	}
}

static struct shared_segment *segment_of(struct mem_restore *r, uint64_t id)
{
	size_t i = 0;

	while (r->segment[i].image->id != id)
		i++;
	return &r->segment[i];
}

/* Unmap all but the kernel's areas and the stage. */
static void clear_all(struct mem_restore *r, struct puppet *p)
{
	uint64_t keep[2][2] = { { r->stage->base, r->stage->base + r->stage->size } };
	uint64_t from = MAP_LOW, swap;

	vdso_bounds(&r->own, &keep[1][0], &keep[1][1]);
	if (keep[1][1] && keep[1][0] < keep[0][0])
		for (int i = 0; i < 2; i++)
			swap = keep[0][i], keep[0][i] = keep[1][i], keep[1][i] = swap;
	for (int i = 0; i < 2 && keep[i][1]; i++) {
		if (from < keep[i][0])
			batch_call2(&p->b, "munmap", SYS_munmap, from, keep[i][0] - from);
		from = keep[i][1];
	}
	batch_call2(&p->b, "munmap", SYS_munmap, from, TASK_END - from);
}

static int drop_ranges(struct puppet *p, const struct layout *l, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->drops;) {
		uint64_t start = l->drop[i].start, end = l->drop[i].end;
		uint64_t limit = TASK_END;
		int ret = puppet_room(p, 1, 0, err);

		if (ret)
			return ret;
		/* What lies between two kept areas goes with one call. */
		while (kept < l->count && (l->area[kept].how == LAYOUT_NEW ||
						  l->area[kept].want->start < start))
			kept++;
		if (kept < l->count)
			limit = l->area[kept].want->start;
		for (i++; i < l->drops && l->drop[i].end <= limit &&
			  l->drop[i].start == end;
			i++)
			end = l->drop[i].end;
		batch_call2(&p->b, "munmap", SYS_munmap, start, end - start);
	}
	return 0;
}

/*
 * Protection at first: writable where pages will be put in. Not where none are: a
 * private mapping that was ever writable is accounted for, and shows it.
 */
static int first_prot(const struct layout_area *a)
{
	return a->want->prot | (a->touched ? PROT_READ | PROT_WRITE : 0);
}

static void mark_filled(struct layout *l, const struct snap_pagemap *pages)
{
	size_t k = 0;

	for (size_t i = 0; i < l->count; i++) {
		struct layout_area *a = &l->area[i];

		while (k < pages->count &&
			pages->run[k].at + pages->run[k].len <= a->want->start)
			k++;
		a->touched = a->how == LAYOUT_NEW && k < pages->count &&
			     pages->run[k].at < a->want->end;
	}
}

static int map_new(
	struct puppet *p, const VmaEntry *e, int fd, int64_t prot, struct err *err)
{
	int flags = (e->flags & ~(MAP_LOCKED | MAP_ANONYMOUS)) | MAP_FIXED_NOREPLACE;

	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	batch_call(&p->b, "mmap", SYS_mmap, e->start, e->end - e->start, prot, flags, fd,
		fd < 0 ? 0 : e->pgoff);
	batch_must_be(&p->b, e->start);
	return 0;
}

/* Where huge pages are unwanted, the first page that is read must not become one. */
static int map_anonymous_new(
	struct puppet *p, const struct layout_area *a, struct err *err)
{
	const VmaEntry *e = a->want;
	int ret = map_new(p, e, -1, first_prot(a), err);

	if (a->touched && e->madv >> MADV_NOHUGEPAGE & 1)
		batch_call3(&p->b, "madvise", SYS_madvise, e->start, e->end - e->start,
			MADV_NOHUGEPAGE);
	return ret;
}

/* Made by one call, as long as they are alike before pages are put in. */
static bool alike(const struct layout_area *a, const struct layout_area *b)
{
	return b->how == LAYOUT_NEW && (b->want->status & VMA_ANON_PRIVATE) &&
	       b->want->start == a->want->end && b->want->flags == a->want->flags &&
	       !(a->want->flags & MAP_GROWSDOWN) && first_prot(a) == first_prot(b) &&
	       !((a->want->madv | b->want->madv) >> MADV_NOHUGEPAGE & 1);
}

/* New areas from number *i on, which becomes that of the last one made. */
static int map_run(struct puppet *p, const struct layout *l, size_t *i, struct err *err)
{
	const struct layout_area *first = &l->area[*i];
	VmaEntry whole = *first->want;
	struct layout_area run = *first;

	for (; *i + 1 < l->count && alike(&l->area[*i], &l->area[*i + 1]); ++*i)
		whole.end = l->area[*i + 1].want->end;
	run.want = &whole;
	return map_anonymous_new(p, &run, err);
}

static int map_anonymous(struct puppet *p, const struct layout *l, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < l->count && !ret; i++) {
		const struct layout_area *a = &l->area[i];

		ret = puppet_room(p, 3, 0, err);
		if (a->how == LAYOUT_RESIZE && a->want->end < a->had->end)
			batch_call2(&p->b, "munmap", SYS_munmap, a->want->end,
				a->had->end - a->want->end);
		else if (a->how == LAYOUT_RESIZE)
			batch_call4(&p->b, "mremap", SYS_mremap, a->had->start,
				a->had->end - a->had->start,
				a->want->end - a->want->start, 0);
		else if (a->how == LAYOUT_NEW && (a->want->status & VMA_ANON_PRIVATE) &&
			 !ret)
			ret = map_run(p, l, &i, err);
	}
	return ret;
}

static bool needs_file(const struct layout_area *a)
{
	return a->how == LAYOUT_NEW && !(a->want->status & VMA_ANON_PRIVATE);
}

static bool same_file(const VmaEntry *a, const VmaEntry *b)
{
	return a->shmid == b->shmid &&
	       !!(a->status & VMA_ANON_SHARED) == !!(b->status & VMA_ANON_SHARED);
}

static int file_of(struct mem_restore *r, const VmaEntry *e, int *fd, struct err *err)
{
	if (e->status & VMA_ANON_SHARED) {
		*fd = segment_of(r, e->shmid)->fd;
		return 0;
	}
	return restore_files_get(r->files, e->shmid, fd, err);
}

/* Neighbouring mappings are mostly of one file: it is taken over once for them. */
static int map_files(struct mem_restore *r, struct puppet *p, struct carrier *c,
	const struct layout *l, struct err *err)
{
	for (size_t i = 0; i < l->count;) {
		const VmaEntry *first = l->area[i].want;
		int fd, there, ret;

		if (!needs_file(&l->area[i])) {
			i++;
			continue;
		}
		ret = file_of(r, first, &fd, err);
		if (!ret)
			ret = puppet_room(p, 64, 0, err);
		if (ret)
			return ret;
		there = transfer_fd(p, c, fd);
		for (unsigned n = 0; n < 60 && i < l->count && needs_file(&l->area[i]) &&
				     same_file(first, l->area[i].want);
			n++, i++)
			map_new(p, l->area[i].want, there, first_prot(&l->area[i]), err);
		transfer_close(p, c, there);
	}
	return 0;
}

static void release_files(struct mem_restore *r, const MmEntry *mm)
{
	for (size_t i = 0; i < mm->n_vmas; i++)
		if (mm->vmas[i]->status & (VMA_FILE_PRIVATE | VMA_FILE_SHARED))
			restore_files_release(r->files, mm->vmas[i]->shmid);
	restore_files_release(r->files, mm->exe_file_id);
}

static void advise(struct puppet *p, const VmaEntry *e)
{
	static const uint8_t known[] = { MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTFORK,
		MADV_MERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP,
		MADV_WIPEONFORK };

	for (size_t i = 0; i < sizeof(known); i++)
		if (e->madv >> known[i] & 1)
			batch_call3(&p->b, "madvise", SYS_madvise, e->start,
				e->end - e->start, known[i]);
}

static int finish_areas(struct puppet *p, const struct layout *l, struct err *err)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct layout_area *a = &l->area[i];
		const VmaEntry *e = a->want;
		int now = a->how == LAYOUT_NEW ? (int)e->prot : (int)a->had->prot;
		int ret = puppet_room(p, 16, 256, err);

		if (ret)
			return ret;
		if (a->touched)
			now = first_prot(a);
		if (now != (int)e->prot)
			batch_call3(&p->b, "mprotect", SYS_mprotect, e->start,
				e->end - e->start, e->prot);
		if (a->how == LAYOUT_NEW && e->madv)
			advise(p, e);
		if (e->flags & MAP_LOCKED)
			batch_call2(
				&p->b, "mlock", SYS_mlock, e->start, e->end - e->start);
		if (e->crl_name && a->how == LAYOUT_NEW) {
			batch_call5(&p->b, "PR_SET_VMA_ANON_NAME", SYS_prctl, PR_SET_VMA,
				PR_SET_VMA_ANON_NAME, e->start, e->end - e->start,
				batch_text(&p->b, e->crl_name));
		}
	}
	return 0;
}

static int install_guards(struct puppet *p, const MmEntry *mm, struct err *err)
{
	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *e = mm->vmas[i];
		int ret;

		if (!(e->status & VMA_AREA_GUARD))
			continue;
		ret = puppet_room(p, 1, 0, err);
		if (ret)
			return ret;
		batch_call3(&p->b, "MADV_GUARD_INSTALL", SYS_madvise, e->start,
			e->end - e->start, MADV_GUARD_INSTALL);
	}
	return 0;
}

static int set_mm(struct mem_restore *r, struct puppet *p, struct carrier *c,
	const MmEntry *mm, const struct snap_task *parent, struct err *err)
{
	struct prctl_mm_map map = {
		.start_code = mm->mm_start_code,
		.end_code = mm->mm_end_code,
		.start_data = mm->mm_start_data,
		.end_data = mm->mm_end_data,
		.start_brk = mm->mm_start_brk,
		.brk = mm->mm_brk,
		.start_stack = mm->mm_start_stack,
		.arg_start = mm->mm_arg_start,
		.arg_end = mm->mm_arg_end,
		.env_start = mm->mm_env_start,
		.env_end = mm->mm_env_end,
		.auxv_size = (mm->n_mm_saved_auxv + 2) * sizeof(uint64_t),
		.exe_fd = -1,
	};
	uint64_t auxv[514] = { 0 };
	bool exe = !parent || parent->exe_id != mm->exe_file_id;
	int fd, ret = puppet_room(p, 4, sizeof(map) + sizeof(auxv) + 64, err);

	if (ret)
		return ret;
	memcpy(auxv, mm->mm_saved_auxv, mm->n_mm_saved_auxv * sizeof(uint64_t));
	map.auxv = (__u64 *)batch_in(&p->b, auxv, map.auxv_size);
	if (exe) {
		ret = restore_files_get(r->files, mm->exe_file_id, &fd, err);
		if (ret)
			return err_in(err, ret, "program");
		map.exe_fd = transfer_fd(p, c, fd);
	}
	batch_call5(&p->b, "PR_SET_MM_MAP", SYS_prctl, PR_SET_MM, PR_SET_MM_MAP,
		batch_in(&p->b, &map, sizeof(map)), sizeof(map), 0);
	if (exe)
		transfer_close(p, c, map.exe_fd);
	return 0;
}

static int parent_mm(
	struct mem_restore *r, const struct snap_task *parent, struct err *err)
{
	if (r->parent == parent)
		return 0;
	arena_reset(&r->parent_arena);
	r->parent_mm = snapshot_mm(parent, &r->parent_arena);
	r->parent = parent;
	return r->parent_mm ? 0 : err_os(err, ENOMEM, "mappings of the parent");
}

static int task_mm(struct mem_restore *r, const struct snap_task *t, struct err *err)
{
	if (r->task == t)
		return 0;
	arena_reset(&r->arena);
	r->task = NULL;
	r->mm = snapshot_mm(t, &r->arena);
	if (!r->mm)
		return err_os(err, ENOMEM, "mappings");
	r->task = t;
	return 0;
}

static int place_kernel_areas(struct mem_restore *r, struct puppet *p, const MmEntry *mm,
	const struct snap_task *parent, struct err *err)
{
	struct vdso now = r->own, wanted;
	int ret = vdso_of_image(&r->own, mm, &wanted, err);

	if (!ret && parent)
		ret = vdso_of_image(&r->own, r->parent_mm, &now, err);
	if (!ret && wanted.parts && !now.parts)
		return err_set(err, EOPNOTSUPP,
			"its parent had unmapped the vdso, and it has one");
	return ret ? ret : vdso_move(p, &now, &wanted, r->parking, err);
}

int mem_restore_task(struct mem_restore *r, struct puppet *p, struct carrier *c,
	const struct snap_task *t, const struct snap_task *parent, struct err *err)
{
	struct layout l;
	const MmEntry *mm;
	int ret = parent ? parent_mm(r, parent, err) : 0;

	r->task = NULL; /* what follows allocates in its arena */
	if (!ret)
		ret = task_mm(r, t, err);
	if (ret)
		return ret;
	mm = r->mm;
	layout_make(&l, mm, parent ? r->parent_mm : NULL, &r->arena);
	mark_filled(&l, &t->pages);
	if (!parent)
		clear_all(r, p);
	if (!ret)
		ret = drop_ranges(p, &l, err);
	if (!ret)
		ret = place_kernel_areas(r, p, mm, parent, err);
	if (!ret)
		ret = map_anonymous(p, &l, err);
	if (!ret)
		ret = map_files(r, p, c, &l, err);
	if (!ret)
		ret = refill_task(r, p, c, &l, mm, t, parent, err);
	if (!ret)
		ret = finish_areas(p, &l, err);
	if (!ret)
		ret = install_guards(p, mm, err);
	if (!ret)
		ret = set_mm(r, p, c, mm, parent, err);
	/* Files must stay open in crl until the calls that take them over have run. */
	if (!ret)
		ret = puppet_run(p, err);
	release_files(r, mm);
	return ret;
}

int mem_restore_last(struct mem_restore *r, struct puppet *p, const struct snap_task *t,
	struct err *err)
{
	int ret = task_mm(r, t, err);
	const MmEntry *mm = r->mm;

	if (ret)
		return ret;
	if (mm->has_dumpable && mm->dumpable != 2)
		batch_call2(&p->b, "PR_SET_DUMPABLE", SYS_prctl, PR_SET_DUMPABLE,
			mm->dumpable);
	if (mm->thp_disabled)
		batch_call5(&p->b, "PR_SET_THP_DISABLE", SYS_prctl, PR_SET_THP_DISABLE, 1,
			0, 0, 0);
	return 0;
}

int mem_restore_unstage(struct mem_restore *r, struct puppet *p,
	const struct snap_task *t, struct err *err)
{
	const uint64_t arg[6] = { r->stage->base, r->stage->size };
	struct vdso there;
	int64_t result;
	uint64_t insn;
	int ret = task_mm(r, t, err);

	if (!ret)
		ret = vdso_of_image(&r->own, r->mm, &there, err);
	if (ret)
		return ret;
	insn = vdso_syscall(&r->own, &there);
	if (!insn)
		return err_set(err, EOPNOTSUPP, "without a vdso a task is not restored");
	ret = FAULT_STEP(UNSTAGE, err,
		puppet_syscall_at(p->tid, insn, SYS_munmap, arg, &result, err));
	if (!ret && result)
		ret = err_os(err, -(int)result, "unmap the stage");
	return ret;
}
