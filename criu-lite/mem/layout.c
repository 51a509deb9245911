// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing the mappings of a task with those of the parent that it is forked
 * from. A mapping with the same place, object and flags is inherited, so that
 * pages that both have alike stay shared copy-on-write; a private anonymous one
 * that only ends elsewhere (a heap that has grown since) is resized. All others
 * of the parent go, and what is left to want is mapped anew. Protection and
 * advice may differ: they are set in any case.
 */
#include <string.h>
#include <sys/mman.h>

#include "mem/layout.h"
#include "mem/mem.h"
#include "snapshot/arena.h"

#define KIND_STATUS                                                                      \
	(VMA_AREA_REGULAR | VMA_FILE_PRIVATE | VMA_FILE_SHARED | VMA_ANON_SHARED |       \
		VMA_ANON_PRIVATE)
#define KIND_FLAGS                                                                       \
	(MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_NORESERVE)

/* The kernel's own areas and guard markers are not ordinary mappings. */
static bool ordinary(const VmaEntry *e)
{
	return (e->status & VMA_AREA_REGULAR) &&
	       !(e->status & (VMA_AREA_VVAR | VMA_AREA_VDSO | VMA_AREA_VSYSCALL |
				     VMA_AREA_GUARD));
}

static bool survives_fork(const VmaEntry *e)
{
	return !(e->madv & (1ull << MADV_DONTFORK | 1ull << MADV_WIPEONFORK));
}

static bool same_object(const VmaEntry *a, const VmaEntry *b)
{
	bool named = a->crl_name || b->crl_name;

	return a->start == b->start && a->pgoff == b->pgoff && a->shmid == b->shmid &&
	       (a->status & KIND_STATUS) == (b->status & KIND_STATUS) &&
	       (a->flags & KIND_FLAGS) == (b->flags & KIND_FLAGS) && a->madv == b->madv &&
	       a->fdflags == b->fdflags && !(a->flags & MAP_LOCKED) &&
	       (!named ||
		       (a->crl_name && b->crl_name && !strcmp(a->crl_name, b->crl_name)));
}

static enum layout_how decide(const VmaEntry *want, const VmaEntry *had)
{
	if (!had || !survives_fork(had) || !same_object(want, had))
		return LAYOUT_NEW;
	if (want->end == had->end)
		return LAYOUT_INHERIT;
	return (want->status & VMA_ANON_PRIVATE) && !(want->flags & MAP_GROWSDOWN)
		       ? LAYOUT_RESIZE
		       : LAYOUT_NEW;
}

static void drop(struct layout *l, uint64_t start, uint64_t end)
{
	l->drop[l->drops].start = start;
	l->drop[l->drops++].end = end;
}

static const VmaEntry *next_ordinary(const MmEntry *mm, size_t *i)
{
	while (mm && *i < mm->n_vmas && !ordinary(mm->vmas[*i]))
		(*i)++;
	return mm && *i < mm->n_vmas ? mm->vmas[*i] : NULL;
}

void layout_make(
	struct layout *l, const MmEntry *want, const MmEntry *had, struct arena *a)
{
	size_t w = 0, h = 0;
	const VmaEntry *vw, *vh;

	*l = (struct layout){ 0 };
	l->area = arena_alloc(a, want->n_vmas * sizeof(*l->area));
	l->drop = arena_alloc(a, (had ? had->n_vmas : 0) * sizeof(*l->drop));
	for (;;) {
		vw = next_ordinary(want, &w);
		vh = next_ordinary(had, &h);
		if (vh && (!vw || vh->start < vw->start)) {
			if (!(vh->madv & 1ull << MADV_DONTFORK))
				drop(l, vh->start, vh->end);
			h++;
			continue;
		}
		if (!vw)
			break;
		l->area[l->count] = (struct layout_area){ .want = vw };
		if (vh && vh->start == vw->start) {
			l->area[l->count].how = decide(vw, vh);
			l->area[l->count].had =
				l->area[l->count].how == LAYOUT_NEW ? NULL : vh;
			if (l->area[l->count].how == LAYOUT_NEW &&
				!(vh->madv & 1ull << MADV_DONTFORK))
				drop(l, vh->start, vh->end);
			h++;
		}
		l->count++;
		w++;
	}
}
