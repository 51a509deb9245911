// SPDX-License-Identifier: GPL-2.0-only
/* Five hundred descriptors with gaps between them, and one at the very end of what is
 * allowed. */
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 500

static struct stat was[10];
static int high;

/* Five hundred descriptors with gaps between them, and one at the end of the limit. */
static int number(int i)
{
	return i < COUNT ? 10 + i * 3 / 2 + i / 50 * 4 : high;
}

static int check(int i)
{
	struct stat is;

	if (fstat(number(i), &is) || is.st_ino != was[i % 10].st_ino)
		return fail("descriptor %d is another file: %m", number(i));
	if (lseek(number(i), 0, SEEK_CUR) != i)
		return fail("descriptor %d: position %d", number(i),
			(int)lseek(number(i), 0, SEEK_CUR));
	return 0;
}

static bool is_ours(int fd)
{
	for (int i = 0; i <= COUNT; i++)
		if (number(i) == fd)
			return true;
	return fd <= 2;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	char name[32];

	test_init(argc, argv);
	must(getrlimit(RLIMIT_NOFILE, &limit));
	if (limit.rlim_cur < 1000)
		return test_skip("fewer than 1000 descriptors are allowed");
	high = limit.rlim_cur < 60000 ? limit.rlim_cur - 1 : 59999;
	for (int i = 0; i <= COUNT; i++) {
		int fd;

		snprintf(name, sizeof(name), "file-%d", i % 10);
		fd = must(open(test_file(name), O_RDWR | O_CREAT, 0600));
		must(fstat(fd, &was[i % 10]));
		must(lseek(fd, i, SEEK_SET));
		must(dup2(fd, number(i)));
		if (fd != number(i))
			close(fd);
	}
	test_daemon();
	test_waitsig();
	sabotage("closed", close(number(300)));
	sabotage("more", dup(1));
	sabotage("swapped", dup2(number(20), number(30)));
	sabotage("high", lseek(high, 5, SEEK_SET));
	for (int i = 0; i <= COUNT; i++)
		if (check(i))
			return 1;
	for (int fd = 0; fd <= high; fd++)
		if (!is_ours(fd) && fcntl(fd, F_GETFD) >= 0)
			return fail("descriptor %d was not there", fd);
	pass();
	return 0;
}
