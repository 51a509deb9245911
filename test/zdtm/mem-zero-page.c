// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that were only ever read are all the kernel's one zero page: they cost
 * nothing in the images and no memory afterwards.
 *
 * zdtm: max-dump=512K
 */
#include "zdtm.h"

#include <sys/mman.h>

#define SIZE (64UL << 20)

static int read_all(const volatile char *p, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		if (p[i])
			return fail("byte at %#zx is not zero", i);
	return 0;
}

int main(int argc, char **argv)
{
	struct test_map was, is;
	char *p, *mixed;

	test_init(argc, argv);
	p = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	mixed = must(mmap(test_room(8 * PAGE), 8 * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	if (read_all(p, SIZE) || read_all(mixed, 8 * PAGE))
		return 1;
	fill_pattern(mixed + 3 * PAGE, PAGE, 1);
	test_find_map(p, &was);
	test_daemon();
	test_waitsig();
	sabotage("content", p[SIZE / 2 + 4 * PAGE] = 1);
	sabotage("resident", for (size_t i = 0; i < 100; i++) p[i * PAGE] = 0);
	sabotage("mixed", mixed[2 * PAGE] = 1);
	if (test_check_map(p, &was) || !test_find_map(p, &is))
		return 1;
	if (is.anonymous > was.anonymous)
		return fail("%ld KiB became real memory", is.anonymous - was.anonymous);
	if (read_all(p, SIZE) || read_all(mixed, 3 * PAGE) ||
		read_all(mixed + 4 * PAGE, 4 * PAGE))
		return 1;
	if (!check_pattern(mixed + 3 * PAGE, PAGE, 1))
		return fail("the page between zero pages differs");
	pass();
	return 0;
}
