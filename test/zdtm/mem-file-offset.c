// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pieces of one file side by side, out of order, from offsets that are not
 * zero, one of them beyond 4 GiB.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE (2 * PAGE)

static const struct piece {
	off_t offset;
	int flags;
} pieces[] = {
	{ 8 * PAGE, MAP_PRIVATE }, { 1 * PAGE, MAP_SHARED }, { 0x140000000, MAP_PRIVATE },
	{ 3 * PAGE, MAP_SHARED },
	{ 5 * PAGE, MAP_SHARED }, /* follows on the one before: the kernel makes one
				     mapping of both */
};

#define N (sizeof(pieces) / sizeof(*pieces))

int main(int argc, char **argv)
{
	struct test_map was[N];
	char text[PIECE], *p;
	int fd;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	p = test_room(N * PIECE);
	for (size_t i = 0; i < N; i++) {
		fill_pattern(text, PIECE, i);
		must(pwrite(fd, text, PIECE, pieces[i].offset));
	}
	for (size_t i = 0; i < N; i++)
		must(mmap(p + i * PIECE, PIECE, PROT_READ | PROT_WRITE,
			pieces[i].flags | MAP_FIXED, fd, pieces[i].offset));
	fill_pattern(p + 2 * PIECE, PAGE, 50);
	for (size_t i = 0; i < N; i++)
		test_find_map(p + i * PIECE, &was[i]);
	test_daemon();
	test_waitsig();
	sabotage("offset",
		mmap(p, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0));
	sabotage("high", mmap(p + 2 * PIECE, PIECE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_FIXED, fd, 0x40000000));
	sabotage("content", p[PIECE]++);
	sabotage("dirty", p[2 * PIECE]++);
	sabotage("flags", mmap(p + PIECE, PIECE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_FIXED, fd, pieces[1].offset));
	for (size_t i = 0; i < N; i++) {
		if (test_check_map(p + i * PIECE, &was[i]))
			return 1;
		fill_pattern(text, PIECE, i);
		if (i == 2)
			fill_pattern(text, PAGE, 50);
		if (__builtin_memcmp(p + i * PIECE, text, PIECE))
			return fail("piece %zu has other contents", i);
	}
	pass();
	return 0;
}
