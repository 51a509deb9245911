// SPDX-License-Identifier: GPL-2.0-only
/* Position, path and contents of regular files, one of them positioned beyond its end. */
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE 10000

static char text[SIZE];

static const char *path_of(int fd, char *path, size_t size)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	memset(path, 0, size);
	must(readlink(link, path, size - 1));
	return path;
}

int main(int argc, char **argv)
{
	char was[1024], is[1024];
	int fd, far;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0640));
	fill_pattern(text, SIZE, 1);
	must(write(fd, text, SIZE));
	far = must(open(test_file("file"), O_RDWR));
	must(lseek(fd, 1234, SEEK_SET));
	must(lseek(far, 0x123456789, SEEK_SET));
	path_of(fd, was, sizeof(was));
	test_daemon();
	test_waitsig();
	sabotage("position", lseek(fd, 1, SEEK_CUR));
	sabotage("far", lseek(far, 0x23456789, SEEK_SET));
	sabotage("path", dup2(must(open(test_file("other"), O_RDWR | O_CREAT, 0600)), fd);
		 lseek(fd, 1234, SEEK_SET));
	sabotage("content", pwrite(fd, "x", 1, 5000));
	if (lseek(fd, 0, SEEK_CUR) != 1234)
		return fail("position is %lld", (long long)lseek(fd, 0, SEEK_CUR));
	if (lseek(far, 0, SEEK_CUR) != 0x123456789)
		return fail("position beyond the end is %llx",
			(long long)lseek(far, 0, SEEK_CUR));
	if (strcmp(path_of(fd, is, sizeof(is)), was))
		return fail("path is %s, was %s", is, was);
	memset(text, 0, SIZE);
	if (must(read(fd, text + 1234, SIZE - 1234)) != SIZE - 1234)
		return fail("the rest of the file has another length");
	must(pread(fd, text, 1234, 0));
	if (!check_pattern(text, SIZE, 1))
		return fail("contents differ");
	if (read(far, text, SIZE) != 0)
		return fail("something is read beyond the end");
	if (write(fd, "more", 4) != 4 || pread(far, text, 4, SIZE) != 4 ||
		memcmp(text, "more", 4))
		return fail("what is written by one is not read by the other");
	pass();
	return 0;
}
