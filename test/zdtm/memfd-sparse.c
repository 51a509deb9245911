// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memfd of an exabyte with five pages in it: holes cost nothing in the dump, and are
 * holes afterwards. The last page is not a whole one, and somebody has written behind
 * the end of the file in it, through a mapping.
 *
 * zdtm: max-dump=512K
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE  ((1ll << 60) + 100)
#define START ((off_t)(1ll << 60))

static const off_t pages[] = { 0, 7 * 4096, 8 * 4096, 1ll << 33 };
enum { PAGES = sizeof(pages) / sizeof(pages[0]) };

static int check_extents(int fd)
{
	static const off_t want[][2] = { { 0, 4096 }, { 7 * 4096, 9 * 4096 },
		{ 1ll << 33, (1ll << 33) + 4096 }, { START, SIZE } };
	off_t data, hole = 0;

	for (int i = 0; i < 4; i++) {
		data = lseek(fd, hole, SEEK_DATA);
		hole = lseek(fd, data, SEEK_HOLE);
		if (data != want[i][0] || hole != want[i][1])
			return fail("data from %lld to %lld", (long long)data,
				(long long)hole);
	}
	if (lseek(fd, hole, SEEK_DATA) >= 0 || errno != ENXIO)
		return fail("data behind the end");
	return 0;
}

int main(int argc, char **argv)
{
	char page[PAGE], *last;
	struct stat was, is;
	int fd, reader;

	test_init(argc, argv);
	fd = must(memfd_create("sparse", 0));
	must(ftruncate(fd, SIZE));
	for (int i = 0; i < PAGES; i++) {
		fill_pattern(page, PAGE, i);
		must(pwrite(fd, page, PAGE, pages[i]));
	}
	last = must(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, START));
	memcpy(last + 96, "end.behind", 10);
	must(fstat(fd, &was));
	reader = must(memfd_create("empty", 0));
	must(ftruncate(reader, 4 * PAGE));
	test_daemon();
	test_waitsig();
	sabotage("filled", must(pwrite(fd, page, 1, 5 * PAGE)));
	sabotage("content", must(pwrite(fd, "??", 2, 1ll << 33)));
	sabotage("size", must(ftruncate(fd, SIZE - 1)));
	sabotage("tail", last[105]++);
	sabotage("empty", must(pwrite(reader, page, 1, PAGE)));
	must(fstat(fd, &is));
	if (is.st_size != was.st_size || is.st_blocks != was.st_blocks)
		return fail("size %lld, %lld blocks", (long long)is.st_size,
			(long long)is.st_blocks);
	if (check_extents(fd))
		return 1;
	for (int i = 0; i < PAGES; i++) {
		must(pread(fd, page, PAGE, pages[i]));
		if (!check_pattern(page, PAGE, i))
			return fail("contents at %lld differ", (long long)pages[i]);
	}
	if (pread(fd, page, PAGE, SIZE - 4) != 4 || memcmp(page, "end.", 4) ||
		memcmp(last + 96, "end.behind", 10))
		return fail("the last page reads %.10s", last + 96);
	must(fstat(reader, &is));
	if (is.st_size != 4 * (off_t)PAGE || is.st_blocks)
		return fail("the empty one has %lld blocks", (long long)is.st_blocks);
	pass();
	return 0;
}
