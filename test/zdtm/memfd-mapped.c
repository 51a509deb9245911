// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mappings of memfds whose descriptors are closed: shared, for reading only from a
 * reader's descriptor, private with pages of its own, and code that runs. All of one
 * memfd see the same contents, also through another mapping made afterwards.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (8 * PAGE)

static char *map_at(int fd, size_t len, int prot, int flags, off_t from)
{
	return must(mmap(test_room(len), len, prot, flags | MAP_FIXED, fd, from));
}

static int map_code(char **code)
{
	static const uint8_t text[] = { 0xb8, 42, 0, 0, 0,
		0xc3 }; /* mov $42, %eax; ret */
	int fd = must(memfd_create("code", 0));

	must(write(fd, text, sizeof(text)));
	*code = map_at(fd, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
	return close(fd);
}

int main(int argc, char **argv)
{
	char *shared, *part, *reading, *own, *code, copy[PAGE];
	struct test_map maps[5];
	char path[40];
	int fd, reader;

	test_init(argc, argv);
	fd = must(memfd_create("mapped", 0));
	must(ftruncate(fd, SIZE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = must(open(path, O_RDONLY));
	shared = map_at(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	part = map_at(fd, 2 * PAGE, PROT_READ, MAP_SHARED, 3 * PAGE);
	reading = map_at(reader, SIZE, PROT_READ, MAP_SHARED, 0);
	own = map_at(fd, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	map_code(&code);
	fill_pattern(shared, SIZE, 1);
	fill_pattern(own + PAGE, PAGE, 2);
	close(fd);
	close(reader);
	char *const at[5] = { shared, part, reading, own, code };

	for (int i = 0; i < 5; i++)
		test_find_map(at[i], &maps[i]);
	test_daemon();
	test_waitsig();
	sabotage("shared", shared[5 * PAGE]++);
	sabotage("own", own[PAGE]++);
	sabotage("reading", mmap(reading, SIZE, PROT_READ,
				    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	sabotage("part", mmap(part, 2 * PAGE, PROT_READ,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	sabotage("protection", mprotect(part, 2 * PAGE, PROT_READ | PROT_WRITE));
	sabotage("taken", *(volatile char *)(own + 2 * PAGE) = own[2 * PAGE]);
	for (int i = 0; i < 5; i++) {
		struct test_map now;

		test_find_map(at[i], &now);
		maps[i].ino = now.ino; /* another one, but the same for all */
		if (test_check_map(at[i], &maps[i]))
			return 1;
	}
	for (int i = 1; i < 4; i++)
		if (maps[i].ino != maps[0].ino)
			return fail("mapping %d is of another memfd", i);
	if (!check_pattern(shared, SIZE, 1) || memcmp(shared, reading, SIZE) ||
		memcmp(part, shared + 3 * PAGE, 2 * PAGE))
		return fail("shared contents differ");
	if (!check_pattern(own + PAGE, PAGE, 2) || memcmp(own, shared, PAGE))
		return fail("private contents differ");
	if (((int (*)(void))code)() != 42)
		return fail("the code does something else");
	fill_pattern(shared, SIZE, 3);
	if (memcmp(shared, reading, SIZE) || memcmp(part, shared + 3 * PAGE, 2 * PAGE))
		return fail("a change is not seen in the other mappings");
	if (!check_pattern(own + PAGE, PAGE, 2) ||
		memcmp(own + 2 * PAGE, shared + 2 * PAGE, SIZE - 2 * PAGE))
		return fail("a private mapping does not follow where it was not written");
	memcpy(copy, shared + 6 * PAGE, PAGE);
	fill_pattern(own + 6 * PAGE, PAGE, 4);
	if (memcmp(copy, shared + 6 * PAGE, PAGE))
		return fail("the private mapping writes through");
	if (!mprotect(reading, SIZE, PROT_READ | PROT_WRITE) || errno != EACCES)
		return fail("what was opened for reading can be written");
	must(mprotect(part, 2 * PAGE, PROT_READ | PROT_WRITE));
	pass();
	return 0;
}
