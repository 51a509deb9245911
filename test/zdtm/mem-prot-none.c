// SPDX-License-Identifier: GPL-2.0-only
/* Memory made inaccessible with something in it, anonymous and a file's. */
#include "zdtm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (8 * PAGE)

int main(int argc, char **argv)
{
	struct test_map was[3];
	char *p[3], text[SIZE];
	int fd;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	fill_pattern(text, SIZE, 2);
	must(write(fd, text, SIZE));
	p[0] = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	p[1] = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	p[2] = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_FIXED, fd, 0));
	close(fd);
	fill_pattern(p[0], SIZE, 0);
	fill_pattern(p[1], SIZE, 1);
	fill_pattern(p[2], 2 * PAGE, 2 + PAGE);
	for (int i = 0; i < 3; i++) {
		must(mprotect(p[i], SIZE, PROT_NONE));
		test_find_map(p[i], &was[i]);
	}
	test_daemon();
	test_waitsig();
	sabotage("prot", mprotect(p[0], SIZE, PROT_READ));
	sabotage("private", mmap(p[0], SIZE, PROT_NONE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	sabotage("shared", mmap(p[1], SIZE, PROT_NONE,
				   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	sabotage("file", madvise(p[2], SIZE, MADV_DONTNEED));
	for (int i = 0; i < 3; i++) {
		if (test_check_map(p[i], &was[i]))
			return 1;
		must(mprotect(p[i], SIZE, PROT_READ | PROT_WRITE));
	}
	fill_pattern(text, 2 * PAGE, 2 + PAGE);
	if (!check_pattern(p[0], SIZE, 0) || !check_pattern(p[1], SIZE, 1) ||
		__builtin_memcmp(p[2], text, SIZE))
		return fail("contents differ");
	pass();
	return 0;
}
