// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory of parent and child: old contents and new writes are seen. */
#include "zdtm.h"

#include <sys/mman.h>

#define PAGES 16
#define SIZE  (PAGES * PAGE)

static char *p;
static struct test_map was;

static int child(void *arg)
{
	test_child_ready();
	test_waitsig();
	sabotage("child", p = mmap(p, SIZE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	if (test_check_map(p, &was))
		return 1;
	if (!check_pattern(p, PAGE, 100) || !check_pattern(p + PAGE, SIZE - 2 * PAGE, 1))
		return fail("the child does not see the memory of its parent");
	fill_pattern(p + SIZE - PAGE, PAGE, 101);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	p = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	fill_pattern(p + PAGE, SIZE - 2 * PAGE, 1);
	test_find_map(p, &was);
	pid = test_fork(child, NULL);
	test_daemon();
	test_waitsig();
	sabotage("content", p[2 * PAGE]++);
	sabotage("private", p = mmap(p, SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	if (test_check_map(p, &was))
		return 1;
	if (!check_pattern(p + PAGE, SIZE - 2 * PAGE, 1))
		return fail("contents differ");
	fill_pattern(p, PAGE, 100);
	if (test_join(pid))
		return 1;
	if (!check_pattern(p + SIZE - PAGE, PAGE, 101))
		return fail("the parent does not see what its child wrote");
	pass();
	return 0;
}
