// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings that mremap() moved away from where they began: a private and a
 * shared one of a file, from its middle, shared anonymous memory from its
 * middle, and two pieces of anonymous memory side by side but out of order
 * (whether these count as one mapping or as two is the kernel's affair).
 */
#include "zdtm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (8 * PAGE)
#define PART (3 * PAGE)
enum { PRIVATE, SHARED, ANON_SHARED, ANON, KINDS };

static char *make(int kind, int fd)
{
	static const int flags[] = { MAP_PRIVATE, MAP_SHARED, MAP_SHARED | MAP_ANONYMOUS,
		MAP_PRIVATE | MAP_ANONYMOUS };
	char *p = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		flags[kind] | MAP_FIXED, flags[kind] & MAP_ANONYMOUS ? -1 : fd, 0));

	for (int i = 0; i < 8; i++)
		fill_pattern(p + i * PAGE, PAGE, kind * 8 + i);
	return p;
}

static void move(char *from, char *to)
{
	must(mremap(from, PART, PART, MREMAP_MAYMOVE | MREMAP_FIXED, to));
}

static int check(char *p, int kind, int first)
{
	for (int i = 0; i < 3; i++)
		if (!check_pattern(p + i * PAGE, PAGE, kind * 8 + first + i))
			return fail("kind %d: page %d differs", kind, i);
	return 0;
}

int main(int argc, char **argv)
{
	struct test_map was[ANON];
	char *old, *p[KINDS + 1];
	int fd;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	must(ftruncate(fd, SIZE));
	for (int kind = 0; kind < ANON; kind++) {
		old = make(kind, fd);
		move(old + 2 * PAGE, p[kind] = test_room(PART));
		must(munmap(old, SIZE));
	}
	old = make(ANON, -1);
	p[ANON] = test_room(2 * PART);
	move(old + 4 * PAGE, p[ANON]);
	move(old, p[ANON + 1] = p[ANON] + PART);
	for (int i = 0; i < ANON; i++)
		test_find_map(p[i], &was[i]);
	test_daemon();
	test_waitsig();
	sabotage("private", p[PRIVATE][PAGE]++);
	sabotage("shared", p[SHARED][PAGE]++);
	sabotage("anon", p[ANON][PAGE]++);
	sabotage("anon2", p[ANON + 1][PAGE]++);
	sabotage("anon-shared", p[ANON_SHARED][0]++);
	sabotage("offset", mmap(p[SHARED], PART, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED, fd, 0));
	sabotage("prot", mprotect(p[ANON_SHARED], PAGE, PROT_READ));
	for (int i = 0; i < ANON; i++)
		if (test_check_map(p[i], &was[i]) || check(p[i], i, 2))
			return 1;
	if (check(p[ANON], ANON, 4) || check(p[ANON + 1], ANON, 0))
		return 1;
	pass();
	return 0;
}
