// SPDX-License-Identifier: GPL-2.0-only
/* The heap: its end, its contents, and that it grows and shrinks on from there. */
#include "zdtm.h"

#include <string.h>
#include <unistd.h>

#define SIZE (1 << 20)
#define MORE (256 << 10)

int main(int argc, char **argv)
{
	struct test_map was;
	char *p, *end, *chunk, *next;

	test_init(argc, argv);
	chunk = malloc(100000);
	fill_pattern(chunk, 100000, 2);
	p = must(sbrk(SIZE + 1234)); /* not a whole number of pages */
	fill_pattern(p, SIZE, 1);
	end = sbrk(0);
	if (!test_find_map(p, &was) || strcmp(was.path, "[heap]"))
		return fail("sbrk memory is not in the heap");
	test_daemon();
	test_waitsig();
	sabotage("end", sbrk(8));
	sabotage("content", p[SIZE - 1]++);
	sabotage("malloc", chunk[5]++);
	if (test_check_map(p, &was))
		return 1;
	if (sbrk(0) != end)
		return fail("the break is %p, was %p", sbrk(0), end);
	if (!check_pattern(p, SIZE, 1) || !check_pattern(chunk, 100000, 2))
		return fail("contents differ");
	next = sbrk(MORE);
	if (next != end)
		return fail("the heap does not grow: %m");
	for (size_t i = 0; i < MORE; i++)
		if (next[i])
			return fail("new heap is not zero at %zu", i);
	fill_pattern(next, MORE, 3);
	if (sbrk(-MORE) != end + MORE || sbrk(0) != end)
		return fail("the heap does not shrink");
	free(chunk);
	chunk = malloc(50000);
	fill_pattern(chunk, 50000, 4);
	if (!check_pattern(chunk, 50000, 4) || !check_pattern(p, SIZE, 1))
		return fail("contents differ after more work on the heap");
	pass();
	return 0;
}
