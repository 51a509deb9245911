// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every flag that an open file keeps, one row each, and that reading and
 * writing are allowed as it was opened, not as the file's mode says today.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const int rows[] = {
	O_RDONLY,
	O_WRONLY,
	O_RDWR,
	O_RDWR | O_NONBLOCK,
	O_WRONLY | O_APPEND,
	O_RDWR | O_APPEND | O_NONBLOCK,
	O_RDONLY | O_NOATIME,
	O_WRONLY | O_SYNC,
	O_RDWR | O_DSYNC,
	O_RDWR | O_DIRECT,
	O_RDONLY | O_NOFOLLOW,
	O_PATH,
	O_PATH | O_NOFOLLOW,
};

#define N (sizeof(rows) / sizeof(*rows))

static int fd[N], was[N];

static int check(size_t i)
{
	static _Alignas(4096) char text[4096];
	int access = rows[i] & O_PATH ? -1 : rows[i] & O_ACCMODE;
	bool can_read, can_write;

	if (fd[i] < 0)
		return 0;
	if (fcntl(fd[i], F_GETFL) != was[i])
		return fail("row %zu: flags are %#x, were %#x", i, fcntl(fd[i], F_GETFL),
			was[i]);
	can_read = read(fd[i], text, 4096) >= 0;
	can_write = write(fd[i], text, 4096) >= 0;
	if (can_read != (access == O_RDONLY || access == O_RDWR))
		return fail("row %zu: read: %m", i);
	if (can_write != (access == O_WRONLY || access == O_RDWR))
		return fail("row %zu: write: %m", i);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	close(must(open(test_file("file"), O_CREAT | O_WRONLY, 0600)));
	for (size_t i = 0; i < N; i++) {
		fd[i] = open(test_file("file"), rows[i]);
		if (fd[i] < 0 && !(errno == EINVAL && rows[i] & O_DIRECT))
			return fail("open with flags %#x: %m", rows[i]);
		was[i] = fcntl(fd[i], F_GETFL);
	}
	must(chmod(test_file("file"), 0400));
	test_daemon();
	test_waitsig();
	sabotage("flags", fcntl(fd[3], F_SETFL, 0));
	sabotage("noatime", fcntl(fd[6], F_SETFL, 0));
	sabotage("access", dup2(fd[2], fd[0]));
	sabotage("sync", dup2(fd[1], fd[7]));
	sabotage("path", dup2(fd[0], fd[11]));
	for (size_t i = 0; i < N; i++)
		if (check(i))
			return 1;
	pass();
	return 0;
}
