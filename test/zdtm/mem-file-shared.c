// SPDX-License-Identifier: GPL-2.0-only
/* Shared mappings of a file: what is written to them is in the file, before and after. */
#include "zdtm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (8 * PAGE)

static char text[SIZE];

static void replace(char *p, const char *path, int prot)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (write(fd, p, SIZE) == SIZE)
		mmap(p, SIZE, prot, MAP_SHARED | MAP_FIXED, fd, 0);
	close(fd);
}

int main(int argc, char **argv)
{
	struct test_map was[3];
	char *rw, *ro, *fixed_ro;
	int fd, ro_fd;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	ro_fd = must(open(test_file("file"), O_RDONLY));
	must(ftruncate(fd, SIZE));
	rw = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_FIXED, fd, 0));
	ro = must(mmap(test_room(SIZE), SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	/* From a read-only descriptor: can never be made writable. */
	fixed_ro = must(
		mmap(test_room(SIZE), SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, ro_fd, 0));
	close(fd);
	close(ro_fd);
	fill_pattern(rw, SIZE, 1);
	test_find_map(rw, &was[0]);
	test_find_map(ro, &was[1]);
	test_find_map(fixed_ro, &was[2]);
	test_daemon();
	test_waitsig();
	sabotage("content", rw[3 * PAGE]++);
	sabotage("other-file", replace(rw, test_file("other"), PROT_READ | PROT_WRITE));
	sabotage("may-write", replace(fixed_ro, test_file("file"), PROT_READ));
	sabotage("prot", mprotect(ro, PAGE, PROT_READ | PROT_WRITE));
	sabotage("private", fd = open(test_file("file"), O_RDWR);
		 mmap(rw, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0));
	if (test_check_map(rw, &was[0]) || test_check_map(ro, &was[1]) ||
		test_check_map(fixed_ro, &was[2]))
		return 1;
	if (!check_pattern(rw, SIZE, 1) || !check_pattern(ro, SIZE, 1))
		return fail("contents differ");
	fill_pattern(rw, SIZE, 2);
	fd = must(open(test_file("file"), O_RDWR));
	if (must(read(fd, text, SIZE)) != SIZE || !check_pattern(text, SIZE, 2))
		return fail("a write to the mapping is not in the file");
	fill_pattern(text, SIZE, 3);
	must(pwrite(fd, text, SIZE, 0));
	if (!check_pattern(rw, SIZE, 3) || !check_pattern(ro, SIZE, 3) ||
		!check_pattern(fixed_ro, SIZE, 3))
		return fail("a write to the file is not in the mapping");
	if (!mprotect(fixed_ro, SIZE, PROT_READ | PROT_WRITE))
		return fail("what was opened read-only can be made writable");
	pass();
	return 0;
}
