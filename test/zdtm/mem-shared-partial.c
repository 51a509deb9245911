// SPDX-License-Identifier: GPL-2.0-only
/* A child has only the middle of its parent's shared segment, at an offset of its own. */
#include "zdtm.h"

#include <sys/mman.h>

#define PART (4 * PAGE)

static char *p;

static int child(void *arg)
{
	struct test_map was, map;

	must(munmap(p, PART));
	must(munmap(p + 2 * PART, PART));
	test_find_map(p + PART, &was);
	test_child_ready();
	test_waitsig();
	sabotage("apart", mmap(p + PART, PART, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	sabotage("more",
		mmap(p, PART, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	if (was.pgoff != PART || test_check_map(p + PART, &was))
		return 1;
	if (test_find_map(p, &map) || test_find_map(p + 2 * PART, &map))
		return fail("what was unmapped is mapped");
	if (!check_pattern(p + PART, PART, 12))
		return fail("the child does not see what its parent wrote");
	fill_pattern(p + PART, PART, 22);
	return 0;
}

int main(int argc, char **argv)
{
	struct test_map was;
	pid_t pid;

	test_init(argc, argv);
	p = must(mmap(test_room(3 * PART), 3 * PART, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	for (int i = 0; i < 3; i++)
		fill_pattern(p + i * PART, PART, i + 1);
	pid = test_fork(child, NULL);
	test_find_map(p, &was);
	test_daemon();
	test_waitsig();
	sabotage("first", p[0]++);
	sabotage("middle", p[PART]++);
	sabotage("last", p[3 * PART - 1]++);
	if (test_check_map(p, &was))
		return 1;
	for (int i = 0; i < 3; i++)
		if (!check_pattern(p + i * PART, PART, i + 1))
			return fail("contents of part %d differ", i);
	fill_pattern(p + PART, PART, 12);
	if (test_join(pid))
		return 1;
	if (!check_pattern(p + PART, PART, 22))
		return fail("the parent does not see what its child wrote");
	pass();
	return 0;
}
