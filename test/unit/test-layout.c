// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a forked task keeps of its parent's mappings: the same ones are inherited,
 * a heap is resized, all others go before anything new is put in their place.
 */
#include <sys/mman.h>

#include "mem/layout.h"
#include "mem/mem.h"
#include "proc/load.h"
#include "snapshot/arena.h"

#define AREAS	16
#define ANON	(VMA_AREA_REGULAR | VMA_ANON_PRIVATE)
#define FILE_P	(VMA_AREA_REGULAR | VMA_FILE_PRIVATE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)

/* Mappings of a task; places are in pages. */
struct space {
	MmEntry mm;
	VmaEntry vma[AREAS];
	VmaEntry *list[AREAS];
};

static struct arena arena;
static struct space want, had;
static struct layout l;

static void clear(void)
{
	memset(&want, 0, sizeof(want));
	memset(&had, 0, sizeof(had));
}

static VmaEntry *add(struct space *s, uint64_t start, uint64_t end, uint32_t status)
{
	VmaEntry *e = &s->vma[s->mm.n_vmas];

	if (s->mm.n_vmas == AREAS)
		abort();
	vma_entry__init(e);
	e->start = start * PAGE;
	e->end = end * PAGE;
	e->status = status;
	e->flags = PRIVATE;
	e->prot = PROT_READ;
	s->list[s->mm.n_vmas++] = e;
	s->mm.vmas = s->list;
	return e;
}

static void lay(void)
{
	layout_make(&l, &want.mm, &had.mm, &arena);
}

static bool dropped(size_t i, uint64_t start, uint64_t end)
{
	return i < l.drops && l.drop[i].start == start * PAGE &&
	       l.drop[i].end == end * PAGE;
}

/* Area i is new, or it has to do with the parent's. */
static bool is(size_t i, enum layout_how how)
{
	const struct layout_area *a = &l.area[i];

	return i < l.count && a->how == how && !a->touched &&
	       (how == LAYOUT_NEW ? !a->had : a->had && a->had->start == a->want->start);
}

/* The kernel's own areas and guard markers are nobody's business here. */
static void no_parent(void)
{
	clear();
	add(&want, 1, 2, ANON);
	add(&want, 3, 4, VMA_AREA_REGULAR | VMA_AREA_VDSO);
	add(&want, 4, 5, VMA_AREA_REGULAR | VMA_AREA_VVAR);
	add(&want, 5, 6, FILE_P);
	add(&want, 6, 7, ANON | VMA_AREA_GUARD);
	add(&want, 7, 8, VMA_AREA_VSYSCALL);
	add(&want, 8, 9, VMA_AREA_REGULAR | VMA_AREA_VSYSCALL);
	add(&want, 9, 10, VMA_ANON_PRIVATE); /* not regular */
	layout_make(&l, &want.mm, NULL, &arena);
	CU_ASSERT_EQUAL_FATAL(l.count, 2);
	CU_ASSERT(is(0, LAYOUT_NEW));
	CU_ASSERT_PTR_EQUAL(l.area[0].want, &want.vma[0]);
	CU_ASSERT(is(1, LAYOUT_NEW));
	CU_ASSERT_PTR_EQUAL(l.area[1].want, &want.vma[3]);
	CU_ASSERT_EQUAL(l.drops, 0);
}

/* Those of the parent are neither dropped nor inherited. */
static void kernel_areas(void)
{
	clear();
	add(&had, 1, 2, VMA_AREA_REGULAR | VMA_AREA_VDSO);
	add(&had, 3, 4, ANON | VMA_AREA_GUARD);
	add(&had, 5, 6, VMA_AREA_VSYSCALL);
	add(&had, 7, 8, VMA_AREA_REGULAR | VMA_AREA_VVAR);
	add(&want, 1, 2, ANON);
	add(&want, 7, 8, VMA_AREA_REGULAR | VMA_AREA_VVAR);
	lay();
	CU_ASSERT_EQUAL_FATAL(l.count, 1);
	CU_ASSERT(is(0, LAYOUT_NEW));
	CU_ASSERT_EQUAL(l.drops, 0);
}

static void alike(void)
{
	char name[2][8] = { "name", "name" };

	clear();
	for (struct space *s = &want; s; s = s == &want ? &had : NULL) {
		add(s, 1, 2, ANON);
		add(s, 2, 4, FILE_P)->shmid = 7;
		add(s, 6, 7, VMA_AREA_REGULAR | VMA_ANON_SHARED)->flags = MAP_SHARED;
		add(s, 7, 9, ANON)->crl_name = name[s == &had];
		add(s, 10, 11, ANON)->flags |= MAP_GROWSDOWN;
		add(s, 12, 13, ANON)->madv = 1 << MADV_HUGEPAGE;
	}
	want.vma[0].prot = PROT_READ | PROT_WRITE; /* is set in any case */
	want.vma[0].status |= VMA_AREA_HEAP;	   /* a name, not a kind */
	lay();
	CU_ASSERT_EQUAL_FATAL(l.count, 6);
	for (size_t i = 0; i < l.count; i++) {
		CU_ASSERT(is(i, LAYOUT_INHERIT));
		CU_ASSERT_PTR_EQUAL(l.area[i].had, &had.vma[i]);
	}
	CU_ASSERT_EQUAL(l.drops, 0);
}

static void other_offset(VmaEntry *e)
{
	e->pgoff = PAGE;
}

static void other_file(VmaEntry *e)
{
	e->shmid = 8;
}

static void other_kind(VmaEntry *e)
{
	e->status = VMA_AREA_REGULAR | VMA_FILE_SHARED;
}

static void shared(VmaEntry *e)
{
	e->flags = MAP_SHARED;
}

static void no_reserve(VmaEntry *e)
{
	e->flags |= MAP_NORESERVE;
}

static void advised(VmaEntry *e)
{
	e->madv = 1 << MADV_RANDOM;
}

static void other_mode(VmaEntry *e)
{
	e->fdflags = 2;
}

static void named(VmaEntry *e)
{
	e->crl_name = "other";
}

/* One difference, in what is wanted or in what there is, and the mapping is made anew. */
static void unlike(void)
{
	static void (*const change[])(VmaEntry *) = { other_offset, other_file,
		other_kind, shared, no_reserve, advised, other_mode, named };

	for (size_t i = 0; i < 2 * sizeof(change) / sizeof(*change); i++) {
		clear();
		add(&want, 1, 3, FILE_P);
		add(&had, 1, 3, FILE_P);
		change[i / 2](i % 2 ? want.vma : had.vma);
		lay();
		CU_ASSERT_EQUAL_FATAL(l.count, 1);
		CU_ASSERT(is(0, LAYOUT_NEW));
		CU_ASSERT(l.drops == 1 && dropped(0, 1, 3));
	}
	want.vma[0] = had.vma[0];
	had.vma[0].crl_name = "one";
	want.vma[0].crl_name = "two";
	lay();
	CU_ASSERT(is(0, LAYOUT_NEW));
}

/* Locked pages are not inherited as locked, whatever the parent had. */
static void locked(void)
{
	clear();
	add(&want, 1, 3, ANON)->flags |= MAP_LOCKED;
	add(&had, 1, 3, ANON)->flags |= MAP_LOCKED;
	lay();
	CU_ASSERT(is(0, LAYOUT_NEW));
	CU_ASSERT(l.drops == 1 && dropped(0, 1, 3));
	want.vma[0].flags = PRIVATE;
	lay();
	CU_ASSERT(is(0, LAYOUT_INHERIT));
}

/* Only private anonymous memory that grows upwards. */
static void resized(void)
{
	static const struct {
		uint64_t want, had; /* where they end */
		uint32_t status, flags;
		enum layout_how how;
	} ends[] = {
		{ 3, 9, ANON, PRIVATE, LAYOUT_RESIZE },
		{ 9, 3, ANON, PRIVATE, LAYOUT_RESIZE },
		{ 3, 9, ANON, PRIVATE | MAP_GROWSDOWN, LAYOUT_NEW },
		{ 3, 9, FILE_P, MAP_PRIVATE, LAYOUT_NEW },
		{ 9, 3, VMA_AREA_REGULAR | VMA_ANON_SHARED, MAP_SHARED, LAYOUT_NEW },
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		clear();
		add(&want, 1, ends[i].want, ends[i].status)->flags = ends[i].flags;
		add(&had, 1, ends[i].had, ends[i].status)->flags = ends[i].flags;
		lay();
		CU_ASSERT(is(0, ends[i].how));
		if (ends[i].how == LAYOUT_NEW)
			CU_ASSERT(l.drops == 1 && dropped(0, 1, ends[i].had));
		if (ends[i].how == LAYOUT_RESIZE)
			CU_ASSERT_EQUAL(l.drops, 0);
	}
}

/* What a fork leaves out is not there to be dropped; what it wipes is. */
static void not_inherited(void)
{
	clear();
	add(&had, 1, 3, ANON)->madv = 1 << MADV_DONTFORK;
	add(&had, 4, 5, ANON)->madv = 1 << MADV_WIPEONFORK;
	add(&had, 6, 7, ANON)->madv = 1 << MADV_DONTFORK;
	add(&had, 8, 9, ANON)->madv = 1 << MADV_DONTFORK;
	add(&want, 1, 3, ANON)->madv = 1 << MADV_DONTFORK;
	add(&want, 4, 5, ANON)->madv = 1 << MADV_WIPEONFORK;
	add(&want, 6, 7, ANON);
	lay();
	CU_ASSERT_EQUAL_FATAL(l.count, 3);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT(is(i, LAYOUT_NEW));
	CU_ASSERT(l.drops == 1 && dropped(0, 4, 5));
}

/* Mappings of the parent that lie across what is wanted. */
static void overlaps(void)
{
	clear();
	add(&had, 1, 4, ANON);	 /* reaches into the first */
	add(&had, 5, 6, ANON);	 /* inside of it */
	add(&had, 7, 9, ANON);	 /* reaches out of it, over a hole, to the second */
	add(&had, 10, 30, ANON); /* around the third */
	add(&had, 40, 41, ANON); /* behind all */
	add(&want, 2, 8, ANON);
	add(&want, 8, 10, ANON);
	add(&want, 12, 13, ANON);
	lay();
	CU_ASSERT_EQUAL_FATAL(l.count, 3);
	for (size_t i = 0; i < 3; i++)
		CU_ASSERT(is(i, LAYOUT_NEW));
	CU_ASSERT_EQUAL(l.drops, 5);
	CU_ASSERT(dropped(0, 1, 4) && dropped(1, 5, 6) && dropped(2, 7, 9));
	CU_ASSERT(dropped(3, 10, 30) && dropped(4, 40, 41));
}

/* Parts of one mapping, taken away or put in between. */
static void split(void)
{
	clear();
	add(&had, 1, 9, ANON);
	add(&want, 1, 4, ANON);
	add(&want, 5, 9, ANON);
	lay();
	CU_ASSERT(is(0, LAYOUT_RESIZE) && is(1, LAYOUT_NEW));
	CU_ASSERT_EQUAL(l.drops, 0); /* the rest goes with the resizing */
	clear();
	add(&had, 1, 4, ANON);
	add(&had, 5, 9, ANON);
	add(&want, 1, 9, ANON);
	lay();
	CU_ASSERT(l.count == 1 && is(0, LAYOUT_RESIZE));
	CU_ASSERT(l.drops == 1 && dropped(0, 5, 9));
}

#define PAGES 40

/* Up to eight mappings, apart from each other, with few kinds and places. */
static void scatter(struct space *s, unsigned *seed)
{
	static const uint32_t kinds[] = { ANON, ANON, FILE_P,
		VMA_AREA_REGULAR | VMA_AREA_VDSO };
	static const uint64_t advice[] = { 0, 0, 0, 1 << MADV_DONTFORK,
		1 << MADV_WIPEONFORK };
	uint64_t at = 1;

	for (int i = 0; i < 8; i++) {
		uint64_t start = at + rand_r(seed) % 3,
			 end = start + 1 + rand_r(seed) % 3;

		add(s, start, end, kinds[rand_r(seed) % 4])->madv =
			advice[rand_r(seed) % 5];
		at = end;
	}
}

/* The parent's mappings as a fork leaves them, with the steps of the layout applied. */
static bool sound(void)
{
	int page[PAGES] = { 0 }; /* 1: of the parent */
	bool good = true;

	for (size_t i = 0; i < had.mm.n_vmas; i++)
		for (uint64_t k = had.vma[i].start; k < had.vma[i].end; k += PAGE)
			page[k / PAGE] = !(had.vma[i].status & VMA_AREA_VDSO) &&
					 !(had.vma[i].madv & 1 << MADV_DONTFORK);
	for (size_t i = 0; i < l.drops; i++) {
		good &= !i || l.drop[i].start >= l.drop[i - 1].end;
		for (uint64_t k = l.drop[i].start; k < l.drop[i].end; k += PAGE)
			good &= page[k / PAGE]--; /* only what is there */
	}
	for (size_t i = 0; i < l.count; i++)
		for (uint64_t k = l.area[i].want->start;
			l.area[i].had && k < l.area[i].had->end; k += PAGE)
			good &= page[k / PAGE]--;
	for (size_t i = 0; i < PAGES; i++)
		good &= !page[i]; /* nothing else is left */
	return good;
}

static void any_two(void)
{
	unsigned kept = 0, resized = 0;

	for (unsigned n = 0; n < 3000; n++) {
		unsigned seed = n, all = 0;

		clear();
		scatter(&had, &seed);
		if (n % 3)
			seed = n; /* alike at first, then not */
		scatter(&want, &seed);
		if (n % 3 == 2)
			want.vma[n % 8].shmid = 5, want.vma[n % 5].end = PAGE * PAGES;
		want.mm.n_vmas = n % 3 == 2 ? n % 5 + 1 : 8;
		lay();
		for (size_t i = 0; i < want.mm.n_vmas; i++)
			all += !(want.vma[i].status & VMA_AREA_VDSO);
		CU_ASSERT_EQUAL_FATAL(l.count, all);
		for (size_t i = 0; i < l.count; i++) {
			CU_ASSERT(!i || l.area[i].want->start >= l.area[i - 1].want->end);
			kept += l.area[i].how == LAYOUT_INHERIT;
			resized += l.area[i].how == LAYOUT_RESIZE;
		}
		CU_ASSERT_FATAL(sound());
		arena_reset(&arena);
	}
	CU_ASSERT(kept > 1000 && resized > 100);
}

int main(void)
{
	static const struct test tests[] = {
		{ "no parent", no_parent },
		{ "areas of the kernel", kernel_areas },
		{ "alike", alike },
		{ "unlike", unlike },
		{ "locked", locked },
		{ "resized", resized },
		{ "not inherited", not_inherited },
		{ "overlaps", overlaps },
		{ "split and joined", split },
		{ "any two", any_two },
	};
	int status;

	arena_init(&arena);
	status = RUN_TESTS("layout", tests);
	arena_deinit(&arena);
	return status;
}
