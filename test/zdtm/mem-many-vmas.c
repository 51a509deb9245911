// SPDX-License-Identifier: GPL-2.0-only
/* Two thousand mappings of one page, side by side, with alternating protections. */
#include "zdtm.h"

#include <stdio.h>
#include <sys/mman.h>

#define COUNT 2000

static const int prots[] = { PROT_READ | PROT_WRITE, PROT_READ, PROT_READ | PROT_WRITE,
	PROT_NONE };
static const char *const perms[] = { "rw-p", "r--p", "rw-p", "---p" };

static int check_maps(uintptr_t base)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], text[8];
	uintptr_t start, end;
	int i = 0;

	if (!maps)
		return fail("maps: %m");
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, text) != 3)
			return fail("maps: %s", line);
		if (end <= base || start >= base + COUNT * PAGE)
			continue;
		if (start != base + i * PAGE || end != start + PAGE ||
			__builtin_strcmp(text, perms[i % 4]))
			return fail("mapping %d is %s", i, line);
		i++;
	}
	fclose(maps);
	return i == COUNT ? 0 : fail("%d mappings, were %d", i, COUNT);
}

int main(int argc, char **argv)
{
	size_t size = COUNT * PAGE;
	char *p;

	test_init(argc, argv);
	p = must(mmap(test_room(size), size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	for (int i = 0; i < COUNT; i++) {
		if (i % 5)
			fill_pattern(p + i * PAGE, PAGE, i);
		must(mprotect(p + i * PAGE, PAGE, prots[i % 4]));
	}
	/* The first and the last have other neighbours than inaccessible ones. */
	must(mprotect(p - PAGE, PAGE, PROT_EXEC));
	must(mprotect(p + size, PAGE, PROT_EXEC));
	if (check_maps((uintptr_t)p))
		return 1;
	test_daemon();
	test_waitsig();
	sabotage("prot", mprotect(p + 1000 * PAGE, PAGE, PROT_READ));
	sabotage("gone", munmap(p + 1999 * PAGE, PAGE));
	sabotage("content", p[1234 * PAGE]++);
	sabotage("hole", p[20 * PAGE]++);
	if (check_maps((uintptr_t)p))
		return 1;
	must(mprotect(p, size, PROT_READ));
	for (int i = 0; i < COUNT; i++)
		if (i % 5 ? !check_pattern(p + i * PAGE, PAGE, i) : p[i * PAGE])
			return fail("page %d differs", i);
	pass();
	return 0;
}
