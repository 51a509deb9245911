// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two tasks share a segment though neither is the other's parent: the parent
 * of both has let go of it, and one of them has unmapped its middle.
 */
#include "zdtm.h"

#include <sys/mman.h>

#define SIZE (9 * PAGE)
#define PART (3 * PAGE)

static char *p;

static void replace(char *at, size_t len)
{
	mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
		0);
}

static int whole(void *arg)
{
	struct test_map was;

	test_find_map(p, &was);
	test_child_ready();
	test_waitsig();
	sabotage("whole", p[4 * PAGE]++);
	sabotage("apart", replace(p, PART));
	if (test_check_map(p, &was))
		return 1;
	if (!check_pattern(p, SIZE, 1))
		return fail("contents differ, with the part that only one task has");
	fill_pattern(p, SIZE, 2);
	return 0;
}

static int pieces(void *arg)
{
	char *copy = must(mmap(
		NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct test_map first, last, map;

	must(munmap(p + PART, PART));
	test_find_map(p, &first);
	test_find_map(p + 2 * PART, &last);
	test_child_ready();
	test_waitsig();
	sabotage("unmapped", replace(p + PART, PART));
	sabotage("tail", replace(p + 2 * PART, PART));
	if (test_check_map(p, &first) || test_check_map(p + 2 * PART, &last))
		return 1;
	if (test_find_map(p + PART, &map))
		return fail("what was unmapped is mapped");
	/* The pattern follows from the place in the whole segment. */
	fill_pattern(copy, SIZE, 2);
	if (__builtin_memcmp(p, copy, PART) ||
		__builtin_memcmp(p + 2 * PART, copy + 2 * PART, PART))
		return fail("what the other task wrote is not seen");
	return 0;
}

int main(int argc, char **argv)
{
	pid_t one, two;

	test_init(argc, argv);
	p = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	fill_pattern(p, SIZE, 1);
	one = test_fork(whole, NULL);
	two = test_fork(pieces, NULL);
	must(munmap(p, SIZE));
	test_daemon();
	test_waitsig();
	if (test_join(one) || test_join(two))
		return 1;
	pass();
	return 0;
}
