// SPDX-License-Identifier: GPL-2.0-only
/* Pages of our own memory, by the ioctl and by the entries: both must agree. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crl/proc/pagemap.h"
#include "proc/load.h"

#define PAGE	   4096UL
#define MAX_RANGES 4096

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static struct err err;

struct ranges {
	struct page_range v[MAX_RANGES];
	size_t n;
};

static struct ranges ranges; /* of the last scan */

static int collect(void *arg, const struct page_range *range, struct err *e)
{
	struct ranges *to = arg;

	if (to->n == MAX_RANGES)
		return err_set(e, E2BIG, "too many ranges");
	to->v[to->n++] = *range;
	return 0;
}

/* The ways to ask, all of which must give the same. */
static struct way {
	const char *name;
	struct pagemap_caps caps;
	bool ahead;
} ways[] = {
	{ .name = "ioctl" },
	{ .name = "ioctl, looking ahead", .ahead = true },
	{ .name = "entries", .caps = { .entries_only = true } },
	/* As on Linux 6.7 to 6.15: */
	{ .name = "ioctl without guards", .caps = { .no_guard = true } },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

static void scan(struct way *way, char *area, size_t pages, enum pagemap_want want)
{
	uint64_t start = (uintptr_t)area, end = start + pages * PAGE;
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY), ret;
	struct pagemap pm;

	ranges.n = 0;
	CU_ASSERT_EQUAL_FATAL(pagemap_open(&pm, dir, &way->caps, &err), 0);
	if (way->ahead)
		pagemap_ahead(&pm, 0x7ffffffff000);
	ret = pagemap_scan(&pm, start, end, want, collect, &ranges, &err);
	CU_ASSERT_EQUAL(ret, 0);
	pagemap_close(&pm);
	close(dir);
}

/* Check the ranges against a picture of the area, 'x' for a wanted page. */
static void expect(const char *way, char *area, const char *picture)
{
	size_t pages = strlen(picture);
	char seen[256] = "";

	memset(seen, '.', pages);
	for (size_t i = 0; i < ranges.n; i++) {
		uint64_t from = (ranges.v[i].start - (uintptr_t)area) / PAGE;
		uint64_t to = (ranges.v[i].end - (uintptr_t)area) / PAGE;

		CU_ASSERT_FATAL(from < to && to <= pages);
		/* Merged: no two that touch. */
		CU_ASSERT(i == 0 || ranges.v[i - 1].end < ranges.v[i].start);
		memset(seen + from, 'x', to - from);
	}
	CU_ASSERT_STRING_EQUAL(seen, picture);
	if (strcmp(seen, picture) != 0)
		printf("\n  %s: %s instead of %s\n", way, seen, picture);
}

static char *map(size_t pages, int prot, int flags, int fd)
{
	char *area = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(area, MAP_FAILED);
	madvise(area, pages * PAGE, MADV_NOHUGEPAGE);
	return area;
}

static void touch(char *area, const char *pages)
{
	for (; *pages; pages++, area += PAGE)
		if (*pages == 'w')
			*area = 1;
		else if (*pages == 'r')
			(void)*(volatile char *)area;
}

static void anonymous(void)
{
	char *area = map(16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	touch(area, ".ww.rw..r.wwwrrw");
	mprotect(area + PAGE, PAGE, PROT_NONE); /* its content stays */
	for (size_t i = 0; i < WAYS; i++) {
		scan(&ways[i], area, 16, PAGEMAP_ANON);
		if (ways[i].caps.entries_only && !ways[i].caps.zero_pfn) {
			printf("zero page unknown without privilege: ");
			expect(ways[i].name, area, ".xx.xx..x.xxxxxx");
		} else {
			expect(ways[i].name, area, ".xx..x....xxx..x");
		}
		scan(&ways[i], area + 2 * PAGE, 9, PAGEMAP_ANON);
		expect(ways[i].name, area + 2 * PAGE,
			ways[i].caps.entries_only && !ways[i].caps.zero_pfn
				? "x.xx..x.x"
				: "x..x....x");
		scan(&ways[i], area, 16, PAGEMAP_GUARD);
		expect(ways[i].name, area, "................");
	}
	munmap(area, 16 * PAGE);
}

static int test_file(size_t pages)
{
	char name[] = "/tmp/test-proc-pagemap-XXXXXX";
	int fd = mkstemp(name);

	CU_ASSERT_FATAL(fd >= 0);
	unlink(name);
	for (size_t i = 0; i < pages; i++)
		CU_ASSERT_EQUAL(pwrite(fd, "data", 4, (off_t)(i * PAGE)), 4);
	return fd;
}

static void private_file(void)
{
	int fd = test_file(8);
	char *area = map(8, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);

	touch(area, "rwr.wwr.");
	for (size_t i = 0; i < WAYS; i++) {
		scan(&ways[i], area, 8, PAGEMAP_FILE);
		expect(ways[i].name, area, ".x..xx..");
	}
	munmap(area, 8 * PAGE);
	close(fd);
}

static void shared(void)
{
	char *area = map(8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);

	touch(area, ".w.ww..r");
	for (size_t i = 0; i < WAYS; i++) {
		scan(&ways[i], area, 8, PAGEMAP_SHARED);
		expect(ways[i].name, area, ".x.xx..x");
	}
	munmap(area, 8 * PAGE);
}

/* Windows of the two kinds do not stand in for each other. */
static void ahead_kinds(void)
{
	char *area = map(8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	uint64_t start = (uintptr_t)area, end = start + 8 * PAGE;
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	static const enum pagemap_want wants[] = { PAGEMAP_ANON, PAGEMAP_SHARED,
		PAGEMAP_FILE, PAGEMAP_SHARED, PAGEMAP_ANON };
	struct pagemap_caps caps = { 0 };
	struct pagemap pm;

	touch(area, "ww...www");
	CU_ASSERT_EQUAL_FATAL(pagemap_open(&pm, dir, &caps, &err), 0);
	pagemap_ahead(&pm, end);
	for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		int ret;

		ranges.n = 0;
		ret = pagemap_scan(&pm, start, end, wants[i], collect, &ranges, &err);
		CU_ASSERT_EQUAL(ret, 0);
		CU_ASSERT_EQUAL(ranges.n, wants[i] == PAGEMAP_SHARED ? 2 : 0);
	}
	pagemap_close(&pm);
	munmap(area, 8 * PAGE);
	close(dir);
}

static void guards(void)
{
	char *area = map(10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	touch(area, "w...w....w");
	if (madvise(area + PAGE, 2 * PAGE, MADV_GUARD_INSTALL) < 0) {
		printf("no guard markers in this kernel: ");
		munmap(area, 10 * PAGE);
		return;
	}
	madvise(area + 5 * PAGE, PAGE, MADV_GUARD_INSTALL);
	for (size_t i = 0; i < WAYS; i++) {
		scan(&ways[i], area, 10, PAGEMAP_ANON);
		expect(ways[i].name, area, "x...x....x");
		scan(&ways[i], area, 10, PAGEMAP_GUARD);
		expect(ways[i].name, area, ".xx..x....");
		CU_ASSERT_EQUAL(ranges.v[0].flags, PAGE_RANGE_GUARD);
	}
	munmap(area, 10 * PAGE);
}

/* More ranges than one call returns, and ranges across the edges of calls. */
static void many(void)
{
	static struct ranges first;
	size_t pages = 2 * 3000;
	char *area = map(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	for (size_t i = 0; i < pages; i++)
		if (i % 2 || (i > 2000 && i < 3500))
			area[i * PAGE] = 1;
	for (size_t w = 0; w < WAYS; w++) {
		scan(&ways[w], area, pages, PAGEMAP_ANON);
		CU_ASSERT_EQUAL(ranges.n, 3000 - 749);
		if (w == 0)
			first = ranges;
		else
			CU_ASSERT_EQUAL(memcmp(&first, &ranges, sizeof(ranges)), 0);
	}
	munmap(area, pages * PAGE);
}

/* Ask for pages from..to of area, of which every fourth is there, and 256 to 383. */
static void ahead_check(struct pagemap *pm, char *area, size_t from, size_t to)
{
	uint64_t start = (uintptr_t)area;
	size_t there = 0;

	ranges.n = 0;
	CU_ASSERT_EQUAL(pagemap_scan(pm, start + from * PAGE, start + to * PAGE,
				PAGEMAP_ANON, collect, &ranges, &err),
		0);
	for (size_t i = 0; i < ranges.n; i++) {
		CU_ASSERT(ranges.v[i].start >= start + from * PAGE);
		CU_ASSERT(ranges.v[i].end <= start + to * PAGE);
		CU_ASSERT_EQUAL(ranges.v[i].flags, PAGE_RANGE_PRESENT);
		there += (ranges.v[i].end - ranges.v[i].start) / PAGE;
	}
	for (size_t i = from; i < to; i++)
		there -= i % 4 == 0 || (i >= 256 && i < 384);
	CU_ASSERT_EQUAL(there, 0);
}

/* One window serves mapping after mapping, in pieces, again and backwards. */
static void ahead(void)
{
	char *area = map(512, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	uint64_t start = (uintptr_t)area;
	struct pagemap_caps caps = { 0 };
	struct pagemap pm;

	for (size_t i = 0; i < 512; i++)
		if (i % 4 == 0 || (i >= 256 && i < 384))
			area[i * PAGE] = 1;
	CU_ASSERT_EQUAL_FATAL(pagemap_open(&pm, dir, &caps, &err), 0);
	pagemap_ahead(&pm, start + 512 * PAGE);
	for (size_t i = 0; i < 512; i += 8)
		for (int again = 0; again < 2; again++)
			ahead_check(&pm, area, i, i + 8);
	ahead_check(&pm, area, 200, 300);
	ahead_check(&pm, area, 3, 17);
	/* One system call was enough, where there is one. */
	CU_ASSERT(caps.no_ioctl || (pm.from <= start && pm.to == start + 512 * PAGE));
	pagemap_close(&pm);
	munmap(area, 512 * PAGE);
	close(dir);
}

static int stop(void *arg, const struct page_range *range, struct err *e)
{
	return ++*(int *)arg == 2 ? -ENOTTY : 0;
}

static void stopped_by_caller(void)
{
	char *area = map(8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);

	touch(area, "w.w.w.w.");
	for (size_t i = 0; i < WAYS; i++) {
		bool lacking = ways[i].caps.no_ioctl; /* and not since this scan */
		struct pagemap pm;
		int calls = 0;

		CU_ASSERT_EQUAL_FATAL(pagemap_open(&pm, dir, &ways[i].caps, &err), 0);
		CU_ASSERT_EQUAL(
			pagemap_scan(&pm, (uintptr_t)area, (uintptr_t)area + 8 * PAGE,
				PAGEMAP_ANON, stop, &calls, &err),
			-ENOTTY);
		CU_ASSERT_EQUAL(calls, 2);
		CU_ASSERT_EQUAL(ways[i].caps.no_ioctl, lacking);
		pagemap_close(&pm);
	}
	munmap(area, 8 * PAGE);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "anonymous", anonymous },
		{ "private file", private_file },
		{ "shared", shared },
		{ "guard markers", guards },
		{ "many ranges", many },
		{ "looking ahead", ahead },
		{ "looking ahead, both kinds", ahead_kinds },
		{ "stopped by the caller", stopped_by_caller },
	};

	return RUN_TESTS("pagemap", tests);
}
