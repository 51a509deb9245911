// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private anonymous memory: contents, pages never touched, protection, and
 * what madvise() has set, of several mappings.
 */
#include "zdtm.h"

#include <sys/mman.h>

#define PAGES 64

static struct area {
	int prot, advice;
	char *p;
	struct test_map was;
} areas[] = {
	{ .prot = PROT_READ | PROT_WRITE, .advice = MADV_NORMAL },
	{ .prot = PROT_READ, .advice = MADV_NORMAL },
	{ .prot = PROT_READ | PROT_EXEC, .advice = MADV_NORMAL },
	{ .prot = PROT_READ | PROT_WRITE, .advice = MADV_DONTFORK },
	{ .prot = PROT_READ | PROT_WRITE, .advice = MADV_DONTDUMP },
	{ .prot = PROT_READ | PROT_WRITE, .advice = MADV_WIPEONFORK },
	{ .prot = PROT_READ | PROT_WRITE, .advice = MADV_SEQUENTIAL },
	{ .prot = PROT_READ | PROT_WRITE, .advice = MADV_RANDOM },
};

#define N (sizeof(areas) / sizeof(*areas))

/* Every third page is left untouched. */
static bool touched(size_t page)
{
	return page % 3 != 2;
}

static void set_up(struct area *a, size_t seed)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	a->p = must(mmap(test_room(PAGES * PAGE), PAGES * PAGE, PROT_READ | PROT_WRITE,
		flags, -1, 0));
	madvise(a->p, PAGES * PAGE, MADV_NOHUGEPAGE); /* fails where there are none */
	must(madvise(a->p, PAGES * PAGE, a->advice));
	for (size_t i = 0; i < PAGES; i++)
		if (touched(i))
			fill_pattern(a->p + i * PAGE, PAGE, seed * PAGES + i);
	must(mprotect(a->p, PAGES * PAGE, a->prot));
}

static int check(struct area *a, size_t seed)
{
	static const char zero[4096];
	struct test_map is;

	if (test_check_map(a->p, &a->was) || !test_find_map(a->p, &is))
		return 1;
	if (is.rss != a->was.rss)
		return fail(
			"area %zu: %ld KiB resident, were %ld", seed, is.rss, a->was.rss);
	for (size_t i = 0; i < PAGES; i++)
		if (touched(i) ? !check_pattern(a->p + i * PAGE, PAGE, seed * PAGES + i)
			       : __builtin_memcmp(a->p + i * PAGE, zero, PAGE))
			return fail("area %zu: page %zu has other contents", seed, i);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (size_t i = 0; i < N; i++)
		set_up(&areas[i], i);
	for (size_t i = 0; i < N; i++)
		test_find_map(areas[i].p, &areas[i].was);
	test_daemon();
	test_waitsig();
	sabotage("content", areas[0].p[PAGE + 7] ^= 1);
	sabotage("hole", areas[3].p[2 * PAGE] = 1);
	sabotage("resident", *(volatile char *)(areas[3].p + 2 * PAGE) = 0);
	sabotage("prot", mprotect(areas[1].p, PAGE, PROT_READ | PROT_WRITE));
	sabotage("advice", madvise(areas[3].p, PAGES * PAGE, MADV_DOFORK));
	for (size_t i = 0; i < N; i++)
		if (check(&areas[i], i))
			return 1;
	pass();
	return 0;
}
