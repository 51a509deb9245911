// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading what a dump says of memory: mappings, where pages belong, shared
 * segments. Mappings must be sorted, aligned and apart; pages must lie in
 * mappings that own pages; page files must be as long as their maps say.
 *
 * On the way, places are noted that no task uses: one of them will hold the
 * stage (crl/puppet.h), at the same address in all tasks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "crl/err.h"
#include "fd/memfd.h"
#include "fd/restore-files.h"
#include "mem/mem.h"
#include "mem/pages.h"
#include "proto/pagemap.pb-c.h"
#include "snapshot/internal.h"

#define TASK_END 0x7ffffffff000ull
#define HOLE_FIRST                                                                       \
	0x200000000000ull /* 32 TiB: above anything linked, below what mmap gives */
#define HOLE_STEP    0x1000000000ull /* 64 GiB */
#define MAPPINGS_MAX (4u << 20)
#define KNOWN_STATUS                                                                     \
	(VMA_AREA_REGULAR | VMA_AREA_STACK | VMA_AREA_VSYSCALL | VMA_AREA_VDSO |         \
		VMA_AREA_HEAP | VMA_FILE_PRIVATE | VMA_FILE_SHARED | VMA_ANON_SHARED |   \
		VMA_ANON_PRIVATE | VMA_AREA_VVAR | VMA_AREA_MEMFD | VMA_AREA_GUARD)

static uint64_t hole_start(unsigned n)
{
	return HOLE_FIRST + n * HOLE_STEP;
}

uint64_t snapshot_hole(const struct snapshot *s, unsigned nth)
{
	for (unsigned n = 0; n < SNAPSHOT_HOLES; n++)
		if (!(s->holes[n / 64] >> n % 64 & 1) && nth-- == 0)
			return hole_start(n);
	return 0;
}

static void holes_fill(struct snapshot *s, uint64_t start, uint64_t end)
{
	unsigned first, last;

	if (end <= HOLE_FIRST || start >= hole_start(SNAPSHOT_HOLES))
		return;
	first = start <= HOLE_FIRST ? 0 : (start - HOLE_FIRST) / HOLE_STEP;
	last = (end - 1 - HOLE_FIRST) / HOLE_STEP;
	for (unsigned n = first; n <= last && n < SNAPSHOT_HOLES; n++)
		if (start < hole_start(n) + SNAPSHOT_HOLE_SIZE && end > hole_start(n))
			s->holes[n / 64] |= 1ull << n % 64;
}

static struct snap_shmem *shmem_find(struct snapshot *s, uint64_t id)
{
	struct snap_shmem new = { .id = id };
	size_t lo = 0, hi = s->shmems;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->shmem[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < s->shmems && s->shmem[lo].id == id)
		return &s->shmem[lo];
	arena_push(&s->arena, s->shmem, s->shmems, s->shmem_cap, new);
	memmove(s->shmem + lo + 1, s->shmem + lo,
		(s->shmems - 1 - lo) * sizeof(*s->shmem));
	s->shmem[lo] = new;
	return &s->shmem[lo];
}

/* What kind of mapping it is decides what else must be there. */
static int judge_kind(struct snapshot *s, const VmaEntry *e, struct err *err)
{
	uint32_t kind = e->status & (VMA_FILE_PRIVATE | VMA_FILE_SHARED |
					    VMA_ANON_SHARED | VMA_ANON_PRIVATE);
	bool write = (e->has_fdflags ? e->fdflags & 3
				     : e->status & VMA_FILE_SHARED && e->prot & 2);

	if (e->status & ~KNOWN_STATUS)
		return err_set(err, EOPNOTSUPP,
			"status %#x: this kind of mapping is not restored", e->status);
	if (e->status & VMA_AREA_GUARD)
		return 0;
	if (!kind || (kind & (kind - 1)) || e->prot & ~7u)
		return err_set(
			err, EINVAL, "status %#x, protection %#x", e->status, e->prot);
	if (kind == VMA_FILE_PRIVATE || kind == VMA_FILE_SHARED)
		return restore_files_claim(
			s->files, e->shmid, write && kind == VMA_FILE_SHARED, err);
	if (kind == VMA_ANON_SHARED) {
		struct snap_shmem *m = shmem_find(s, e->shmid);
		uint64_t end = e->pgoff + (e->end - e->start);

		if (e->pgoff % PAGE || end < e->pgoff || end > TASK_END)
			return err_set(err, EINVAL, "offset %#llx",
				(unsigned long long)e->pgoff);
		if (end > m->size)
			m->size = end;
	}
	return 0;
}

static int judge_mapping(
	struct snapshot *s, const VmaEntry *e, uint64_t *last, struct err *err)
{
	int ret;

	if (e->status & VMA_AREA_VSYSCALL)
		return 0;
	if (e->start % PAGE || e->end % PAGE || e->start >= e->end || e->end > TASK_END ||
		(!(e->status & VMA_AREA_GUARD) && e->start < *last))
		ret = err_set(err, EINVAL, "out of order or out of range");
	else
		ret = judge_kind(s, e, err);
	if (ret)
		return err_in(err, ret, "mapping %llx-%llx", (unsigned long long)e->start,
			(unsigned long long)e->end);
	if (!(e->status & VMA_AREA_GUARD)) {
		holes_fill(s, e->start, e->end);
		*last = e->end;
	}
	return 0;
}

static int load_mm(struct snapshot *s, struct snap_task *t, MmEntry **mm, struct err *err)
{
	uint64_t last = 0;
	ProtobufCMessage *msg;
	int ret = snapshot_record(s, IMAGE_MM, t->pid, &mm_entry__descriptor, &s->scratch,
		&msg, &t->mm, err);

	if (ret)
		return ret;
	*mm = (MmEntry *)msg;
	if (!(*mm)->n_vmas || (*mm)->n_vmas > MAPPINGS_MAX ||
		(*mm)->n_mm_saved_auxv > 512)
		return err_set(
			err, EINVAL, "mm-%d.img: %zu mappings", t->pid, (*mm)->n_vmas);
	if ((*mm)->n_aios)
		return err_set(err, EOPNOTSUPP,
			"mm-%d.img: asynchronous I/O is not restored", t->pid);
	for (size_t i = 0; i < (*mm)->n_vmas; i++) {
		ret = judge_mapping(s, (*mm)->vmas[i], &last, err);
		if (ret)
			return err_in(err, ret, "mm-%d.img", t->pid);
	}
	t->exe_id = (*mm)->exe_file_id;
	ret = restore_files_claim(s->files, t->exe_id, false, err);
	return ret ? err_in(err, ret, "mm-%d.img: program", t->pid) : 0;
}

/* Addresses of a task are below `limit`, and so are offsets in a file. */
static int add_run(struct snapshot *s, struct snap_pagemap *map, const PagemapEntry *e,
	uint64_t limit, size_t *cap, struct err *err)
{
	uint64_t n = e->has_nr_pages ? e->nr_pages : e->compat_nr_pages;
	uint64_t flags = e->has_flags ? e->flags : e->in_parent ? PE_PARENT : PE_PRESENT;
	struct snap_pages run = { .at = e->vaddr, .len = n * PAGE, .offset = map->bytes };
	struct snap_pages *last = map->count ? &map->run[map->count - 1] : NULL;

	if (e->vaddr % PAGE || n > limit / PAGE || e->vaddr > limit - n * PAGE ||
		(last && e->vaddr < last->at + last->len))
		return err_set(err, EINVAL,
			"pages at %#llx: out of order or out of range",
			(unsigned long long)e->vaddr);
	if (flags & PE_PARENT)
		return err_set(err, EOPNOTSUPP, "incremental dumps are not restored");
	if (!(flags & PE_PRESENT))
		return err_set(
			err, EOPNOTSUPP, "a dump for lazy restore is not restored");
	if (!n)
		return 0;
	map->bytes += run.len;
	arena_push(&s->arena, map->run, map->count, *cap, run);
	return 0;
}

/* The page file must be there and as long as the map says. */
static int judge_page_file(
	struct snapshot *s, const struct snap_pagemap *map, struct err *err)
{
	char name[IMAGE_NAME_SIZE];
	struct stat st;

	image_name(name, IMAGE_PAGES, map->file);
	if (fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return err_os(err, errno, "%s", name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != map->bytes)
		return err_set(err, EINVAL,
			"%s: %lld bytes, and %llu are expected; the dump is damaged, use "
			"another "
			"copy",
			name, (long long)st.st_size, (unsigned long long)map->bytes);
	return 0;
}

static int load_pagemap(struct snapshot *s, enum image_kind kind, uint64_t number,
	struct snap_pagemap *map, struct err *err)
{
	uint64_t limit = kind == IMAGE_PAGEMAP_SHMEM ? 1ull << 63 : TASK_END;
	struct image_reader rd = { 0 };
	ProtobufCMessage *msg;
	size_t cap = 0;
	int ret = snapshot_open(s, &rd, kind, number, err);

	if (ret)
		goto out;
	ret = image_reader_next(
		&rd, &pagemap_head__descriptor, &s->scratch.pb, &msg, err);
	if (ret == IMAGE_END)
		ret = err_set(err, EINVAL, "%s: empty", rd.name);
	if (ret < 0)
		goto out;
	map->file = ((const PagemapHead *)msg)->pages_id;
	while ((ret = image_reader_next(&rd, &pagemap_entry__descriptor, &s->scratch.pb,
			&msg, err)) > 0) {
		ret = add_run(s, map, (const PagemapEntry *)msg, limit, &cap, err);
		if (ret)
			break;
	}
	if (ret)
		err_in(err, ret, "%s", rd.name);
	else if (map->bytes)
		ret = judge_page_file(s, map, err);
out:
	image_reader_deinit(&rd);
	return ret;
}

/* Every page must lie in mappings that have pages of their own. */
static int judge_pages(const struct snap_task *t, const MmEntry *mm, struct err *err)
{
	size_t v = 0;

	for (size_t i = 0; i < t->pages.count; i++) {
		uint64_t at = t->pages.run[i].at, end = at + t->pages.run[i].len;

		while (at < end) {
			while (v < mm->n_vmas && mm->vmas[v]->end <= at)
				v++;
			if (v == mm->n_vmas || mm->vmas[v]->start > at ||
				!vma_private(mm->vmas[v]))
				return err_set(err, EINVAL,
					"pagemap-%d.img: page %#llx is in no mapping",
					t->pid, (unsigned long long)at);
			at = mm->vmas[v]->end;
		}
	}
	return 0;
}

int snapshot_load_memory(struct snapshot *s, struct snap_task *t, struct err *err)
{
	MmEntry *mm;
	int ret = load_mm(s, t, &mm, err);

	if (!ret)
		ret = load_pagemap(s, IMAGE_PAGEMAP, t->pid, &t->pages, err);
	if (ret == IMAGE_NOT_THERE)
		return err_set(err, ENOENT,
			"pagemap-%d.img is missing; the dump is incomplete", t->pid);
	return ret ? ret : judge_pages(t, mm, err);
}

int snapshot_load_shmem(struct snapshot *s, struct err *err)
{
	for (size_t i = 0; i < s->shmems; i++) {
		int ret = load_pagemap(
			s, IMAGE_PAGEMAP_SHMEM, s->shmem[i].id, &s->shmem[i].pages, err);

		if (ret < 0)
			return ret;
		arena_reset(&s->scratch);
	}
	return 0;
}

int snapshot_load_memfds(struct snapshot *s, struct err *err)
{
	struct restore_memfds *all = s->files->memfds;

	for (size_t i = 0; all && i < all->count; i++) {
		struct restore_memfd *m = &all->list[i];
		int ret = !m->wanted ? 0
				     : load_pagemap(s, IMAGE_PAGEMAP_SHMEM,
					       m->image->shmid, &m->pages, err);

		if (ret < 0)
			return ret;
		arena_reset(&s->scratch);
	}
	return 0;
}
