// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings and pages as images say them: what overlaps, lies out of order or out
 * of range is refused, and the places for the stage are those that no task uses.
 */
#include <errno.h>

#include "image/scratch.h"

#include "fd/restore-files.h"
#include "image/frame.h"
#include "image/hash.h"
#include "mem/mem.h"
#include "mem/pages.h"
#include "proto/pagemap.pb-c.h"
#include "snapshot/internal.h"

#define TASK_END   0x7ffffffff000ull
#define HOLE_FIRST 0x200000000000ull
#define HOLE_STEP  0x1000000000ull
#define ANON	   (VMA_AREA_REGULAR | VMA_ANON_PRIVATE)
#define MAPS	   8

static struct snapshot snap;
static struct restore_files files;
static struct restore_file program;
static struct snap_task task;

/* mm-5.img and pagemap-5.img; rows end with a zero end. */
struct area {
	uint64_t start, end;
	uint32_t status; /* 0: private anonymous memory */
};

static void put_record(
	struct image_writer *w, enum image_kind kind, const ProtobufCMessage *msg)
{
	if (!w->name[0])
		CHECK_OK(image_writer_start(w, kind, 5, &err));
	CHECK_OK(image_writer_record(w, msg, &err));
}

static void finish(struct image_writer *w)
{
	struct image_sum sum;

	unlinkat(scratch, w->name, 0);
	CHECK_OK(image_writer_finish(w, scratch, &sum, &err));
	image_writer_deinit(w);
}

static void put_mappings(const struct area *area)
{
	MmEntry mm = MM_ENTRY__INIT;
	VmaEntry vma[MAPS], *list[MAPS];
	struct image_writer w = { 0 };

	for (mm.vmas = list; area->end; area++) {
		VmaEntry *e = list[mm.n_vmas] = &vma[mm.n_vmas];

		vma_entry__init(e);
		e->start = area->start;
		e->end = area->end;
		e->status = area->status ? area->status : ANON;
		mm.n_vmas++;
	}
	mm.exe_file_id = 1;
	put_record(&w, IMAGE_MM, &mm.base);
	finish(&w);
}

/* Runs of pages, and a page file for them. */
static void put_pages(const struct area *run)
{
	PagemapHead head = PAGEMAP_HEAD__INIT;
	struct image_writer w = { 0 };
	uint64_t bytes = 0;

	head.pages_id = 1;
	put_record(&w, IMAGE_PAGEMAP, &head.base);
	for (; run->end; run++) {
		PagemapEntry e = PAGEMAP_ENTRY__INIT;

		e.vaddr = run->start;
		e.has_nr_pages = e.has_flags = true;
		e.nr_pages = (run->end - run->start) / PAGE;
		e.flags = PE_PRESENT;
		bytes += run->end - run->start;
		put_record(&w, IMAGE_PAGEMAP, &e.base);
	}
	finish(&w);
	put_file("pages-1.img", "", 0, 0);
	set_length("pages-1.img", bytes);
}

static void begin(void)
{
	static FileEntry entry;
	static InventoryEntry inventory;

	file_entry__init(&entry);
	entry.id = 1;
	inventory_entry__init(&inventory);
	inventory.img_version = IMAGE_VERSION;
	program = (struct restore_file){ .entry = &entry, .fd = -1 };
	files = (struct restore_files){ .file = &program, .count = 1 };
	snap = (struct snapshot){
		.dir = scratch, .files = &files, .inventory = &inventory
	};
	arena_init(&snap.arena);
	arena_init(&snap.scratch);
}

static int load(const struct area *area, const struct area *run)
{
	put_mappings(area);
	put_pages(run);
	task = (struct snap_task){ .pid = 5 };
	err.text[0] = '\0';
	return snapshot_load_memory(&snap, &task, &err);
}

#define LOAD(...) load((struct area[]){ __VA_ARGS__, { 0 } }, (struct area[]){ { 0 } })

static void in_order(void)
{
	begin();
	CHECK_OK(LOAD({ 0x1000, 0x3000, 0 }, { 0x3000, 0x4000, 0 }, { 0x6000, 0x7000, 0 },
		{ TASK_END - PAGE, TASK_END, 0 }));
	CU_ASSERT_EQUAL(program.refs, 1);
	CU_ASSERT_EQUAL(task.exe_id, 1);
	CU_ASSERT(task.mm.size != 0);
	/* a guard marker lies inside of what it guards, the vsyscall page behind all */
	CHECK_OK(LOAD({ 0x1000, 0x5000, 0 }, { 0x2000, 0x3000, ANON | VMA_AREA_GUARD },
		{ 0x5000, 0x6000, 0 },
		{ 0xffffffffff600000, 0xffffffffff601000, VMA_AREA_VSYSCALL }));
	snapshot_deinit(&snap);
}

static void overlaps(void)
{
	static const char *says = "mm-5.img: mapping %s: out of order or out of range";
	char words[100];

	begin();
	snprintf(words, sizeof(words), says, "2000-4000");
	CHECK_FAILS(LOAD({ 0x1000, 0x3000, 0 }, { 0x2000, 0x4000, 0 }), EINVAL, words);
	CHECK_FAILS(LOAD({ 0x1000, 0x9000, 0 }, { 0x2000, 0x4000, 0 }), EINVAL, words);
	CHECK_FAILS(LOAD({ 0x2000, 0x3000, 0 }, { 0x2000, 0x4000, 0 }), EINVAL, words);
	CHECK_FAILS(LOAD({ 0x5000, 0x6000, 0 }, { 0x2000, 0x4000, 0 }), EINVAL, words);
	snprintf(words, sizeof(words), says, "2000-3000");
	CHECK_FAILS(LOAD({ 0x1000, 0x4000, 0 }, { 0x2000, 0x3000, 0 }), EINVAL, words);
	CHECK_FAILS(LOAD({ 0x1000, 0x4000, 0 }, { 0x1000, 0x2000, ANON | VMA_AREA_GUARD },
			    { 0x2000, 0x3000, 0 }),
		EINVAL, words);
	snapshot_deinit(&snap);
}

static void bounds(void)
{
	static const struct area bad[] = {
		{ 0x1001, 0x3000, 0 },
		{ 0x1000, 0x3001, 0 },
		{ 0x3000, 0x3000, 0 },
		{ 0x4000, 0x3000, 0 },
		{ 0x1000, TASK_END + PAGE, 0 },
		{ UINT64_MAX - PAGE + 1, PAGE, 0 },
		{ 0x4000, 0x3000, ANON | VMA_AREA_GUARD },
		{ 0x1000, TASK_END + PAGE, ANON | VMA_AREA_GUARD },
	};

	begin();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_FAILS(LOAD(bad[i]), EINVAL, "out of order or out of range");
	CHECK_FAILS(LOAD({ 0 }), EINVAL, "0 mappings");
	CHECK_FAILS(LOAD({ 0x1000, 0x2000, VMA_AREA_REGULAR }), EINVAL, "status");
	CHECK_FAILS(LOAD({ 0x1000, 0x2000, ANON | VMA_FILE_SHARED }), EINVAL, "status");
	CHECK_FAILS(
		LOAD({ 0x1000, 0x2000, ANON | VMA_AREA_AIORING }), EOPNOTSUPP, "status");
	CHECK_FAILS(LOAD({ 0x1000, 0x2000, VMA_AREA_REGULAR | VMA_FILE_PRIVATE }), EINVAL,
		"file 0 is not in files.img");
	snapshot_deinit(&snap);
}

/* Pages lie in mappings that have pages of their own, ascending and apart. */
static void pages(void)
{
	static const struct area maps[] = { { 0x1000, 0x4000, 0 }, { 0x4000, 0x6000, 0 },
		{ 0x7000, 0x9000, VMA_AREA_REGULAR | VMA_ANON_SHARED }, { 0 } };
	static const struct area good[] = { { 0x1000, 0x2000, 0 }, { 0x3000, 0x6000, 0 },
		{ 0 } };
	static const struct area bad[][3] = {
		{ { 0x1000, 0x3000, 0 }, { 0x2000, 0x4000, 0 } },
		{ { 0x3000, 0x4000, 0 }, { 0x1000, 0x2000, 0 } },
		{ { 0x1001, 0x2001, 0 } },
		{ { TASK_END, TASK_END + PAGE, 0 } },
	};
	static const struct area outside[][3] = {
		{ { 0, 0x1000, 0 } },
		{ { 0x5000, 0x7000, 0 } },
		{ { 0x6000, 0x7000, 0 } },
		{ { 0x7000, 0x8000, 0 } },
		{ { 0x1000, 0x2000, 0 }, { 0x9000, 0xa000, 0 } },
	};

	begin();
	CHECK_OK(load(maps, good));
	CU_ASSERT_EQUAL_FATAL(task.pages.count, 2);
	CU_ASSERT_EQUAL(task.pages.bytes, 4 * PAGE);
	CU_ASSERT_EQUAL(task.pages.run[1].at, 0x3000);
	CU_ASSERT_EQUAL(task.pages.run[1].len, 3 * PAGE);
	CU_ASSERT_EQUAL(task.pages.run[1].offset, PAGE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_FAILS(load(maps, bad[i]), EINVAL, "pagemap-5.img: pages at");
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
		CHECK_FAILS(load(maps, outside[i]), EINVAL, "is in no mapping");
	snapshot_deinit(&snap);
}

static uint64_t hole(unsigned n)
{
	return HOLE_FIRST + n * HOLE_STEP;
}

/* Without tasks all places are free, one after the other. */
static void all_free(void)
{
	begin();
	for (unsigned n = 0; n < SNAPSHOT_HOLES; n++)
		CU_ASSERT_EQUAL(snapshot_hole(&snap, n), hole(n));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, SNAPSHOT_HOLES), 0);
	CHECK_OK(LOAD({ 0x1000, 0x2000, 0 }, { HOLE_FIRST - PAGE, HOLE_FIRST, 0 },
		{ hole(SNAPSHOT_HOLES), hole(SNAPSHOT_HOLES) + PAGE, 0 }));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 0), hole(0));
	CU_ASSERT_EQUAL(
		snapshot_hole(&snap, SNAPSHOT_HOLES - 1), hole(SNAPSHOT_HOLES - 1));
	snapshot_deinit(&snap);
}

/* A page at either end takes a place; one beside it does not. */
static void one_page(void)
{
	static const struct {
		uint64_t from, to; /* relative to place 2 */
		bool taken;
	} page[] = {
		{ -PAGE, 0, false },
		{ 0, PAGE, true },
		{ SNAPSHOT_HOLE_SIZE - PAGE, SNAPSHOT_HOLE_SIZE, true },
		{ SNAPSHOT_HOLE_SIZE, SNAPSHOT_HOLE_SIZE + PAGE, false },
		{ -PAGE, PAGE, true },
		{ SNAPSHOT_HOLE_SIZE - PAGE, SNAPSHOT_HOLE_SIZE + PAGE, true },
		{ SNAPSHOT_HOLE_SIZE, HOLE_STEP, false },
		{ -HOLE_STEP + SNAPSHOT_HOLE_SIZE, 0, false },
	};

	for (size_t i = 0; i < sizeof(page) / sizeof(*page); i++) {
		begin();
		CHECK_OK(LOAD({ hole(2) + page[i].from, hole(2) + page[i].to, 0 }));
		CU_ASSERT_EQUAL(snapshot_hole(&snap, 0), hole(0));
		CU_ASSERT_EQUAL(snapshot_hole(&snap, 1), hole(1));
		CU_ASSERT_EQUAL(snapshot_hole(&snap, 2), hole(page[i].taken ? 3 : 2));
		CU_ASSERT_EQUAL(
			snapshot_hole(&snap, SNAPSHOT_HOLES - 1) == 0, page[i].taken);
		snapshot_deinit(&snap);
	}
}

/* Every task counts, and a large mapping takes all that it covers. */
static void many_taken(void)
{
	begin();
	CHECK_OK(LOAD({ hole(0), hole(0) + PAGE, 0 }, { hole(63), hole(64) + PAGE, 0 }));
	CHECK_OK(
		LOAD({ hole(2) - PAGE, hole(5), 0 }, { hole(127), hole(127) + PAGE, 0 }));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 0), hole(1));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 1), hole(5));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 58), hole(62));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 59), hole(65));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 120), hole(126));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 121), 0);
	/* a guard marker maps nothing */
	CHECK_OK(LOAD({ hole(1), hole(1) + PAGE, ANON | VMA_AREA_GUARD }));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 0), hole(1));
	CHECK_OK(LOAD({ PAGE, TASK_END, 0 }));
	CU_ASSERT_EQUAL(snapshot_hole(&snap, 0), 0);
	snapshot_deinit(&snap);
}

int main(void)
{
	static const struct test tests[] = {
		{ "in order", in_order },
		{ "overlaps", overlaps },
		{ "bounds", bounds },
		{ "pages", pages },
		{ "all places free", all_free },
		{ "one page", one_page },
		{ "places taken", many_taken },
	};

	return RUN_TESTS("mappings", tests);
}
