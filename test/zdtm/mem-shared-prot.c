// SPDX-License-Identifier: GPL-2.0-only
/* One shared segment mapped three times in a task, with other protections and offsets. */
#include "zdtm.h"

#include <sys/mman.h>

#define SIZE (6 * PAGE)

int main(int argc, char **argv)
{
	struct test_map was[3];
	char *p[3];

	test_init(argc, argv);
	p[0] = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	fill_pattern(p[0], SIZE, 1);
	/* An old size of zero maps shared memory once more. */
	p[1] = must(
		mremap(p[0], 0, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, test_room(SIZE)));
	p[2] = must(mremap(p[0] + 2 * PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		test_room(2 * PAGE)));
	must(mprotect(p[1], SIZE, PROT_READ));
	must(mprotect(p[2], 2 * PAGE, PROT_NONE));
	for (int i = 0; i < 3; i++)
		test_find_map(p[i], &was[i]);
	test_daemon();
	test_waitsig();
	sabotage("prot", mprotect(p[1], SIZE, PROT_READ | PROT_WRITE));
	sabotage("none", mprotect(p[2], PAGE, PROT_READ));
	sabotage("content", p[0][5 * PAGE]++);
	sabotage("apart", mmap(p[1], SIZE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		 fill_pattern(p[1], SIZE, 1); mprotect(p[1], SIZE, PROT_READ));
	sabotage("offset", mremap(p[0], 0, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p[2]);
		 mprotect(p[2], 2 * PAGE, PROT_NONE));
	for (int i = 0; i < 3; i++)
		if (test_check_map(p[i], &was[i]))
			return 1;
	if (!check_pattern(p[1], SIZE, 1))
		return fail("contents differ");
	fill_pattern(p[0], SIZE, 2);
	if (!check_pattern(p[1], SIZE, 2))
		return fail("a write through one mapping is not seen through the other");
	must(mprotect(p[2], 2 * PAGE, PROT_READ | PROT_WRITE));
	fill_pattern(p[2], 2 * PAGE, 3);
	if (!check_pattern(p[1] + 2 * PAGE, 2 * PAGE, 3))
		return fail(
			"a write through the third mapping is not seen in the second");
	pass();
	return 0;
}
