// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private mappings of a file: dirtied pages keep their own contents, clean
 * ones stay the file's, the file itself is untouched. Its descriptor is closed.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 8
#define SIZE  (PAGES * PAGE)

static char text[SIZE];

static int check(const char *p, const struct test_map *was, bool dirty)
{
	struct test_map is;

	if (test_check_map(p, was) || !test_find_map(p, &is))
		return 1;
	if (is.anonymous != was->anonymous)
		return fail("%ld KiB of private copies, were %ld", is.anonymous,
			was->anonymous);
	for (int i = 0; i < PAGES; i++)
		if (!check_pattern(p + i * PAGE, PAGE, dirty && i % 3 == 1 ? 100 + i : i))
			return fail("page %d differs", i);
	return 0;
}

int main(int argc, char **argv)
{
	struct test_map was[2];
	char *rw, *ro;
	int fd;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	for (int i = 0; i < PAGES; i++)
		fill_pattern(text + i * PAGE, PAGE, i);
	must(write(fd, text, SIZE));
	rw = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_FIXED, fd, 0));
	ro = must(mmap(test_room(SIZE), SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0));
	close(fd);
	for (int i = 1; i < PAGES; i += 3)
		fill_pattern(rw + i * PAGE, PAGE, 100 + i);
	test_find_map(rw, &was[0]);
	test_find_map(ro, &was[1]);
	test_daemon();
	test_waitsig();
	sabotage("dirty", rw[PAGE]++);
	sabotage("copied", *(volatile char *)rw ^= 0);
	sabotage("clean", rw[2 * PAGE]++);
	sabotage("ro", mmap(ro, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			       -1, 0));
	sabotage("file", must(pwrite(open(test_file("file"), O_RDWR), "x", 1, 2 * PAGE)));
	sabotage("prot", mprotect(ro, SIZE, PROT_READ | PROT_EXEC));
	if (check(rw, &was[0], true) || check(ro, &was[1], false))
		return 1;
	fd = must(open(test_file("file"), O_RDONLY));
	must(read(fd, text, SIZE));
	for (int i = 0; i < PAGES; i++)
		if (!check_pattern(text + i * PAGE, PAGE, i))
			return fail("page %d of the file differs", i);
	rw[0]++;
	if (pread(fd, text, 1, 0) != 1 || text[0] == rw[0])
		return fail("a write to a private mapping reaches the file");
	pass();
	return 0;
}
