// SPDX-License-Identifier: GPL-2.0-only
/*
 * A POSIX lock is not carried: the dump is refused and names it; the task keeps
 * its lock.
 *
 * zdtm: dump-fails="holds a file lock"
 */
#include <fcntl.h>
#include <unistd.h>

#include "zdtm.h"

/* Would somebody else be refused the lock? Only another process can ask. */
static int ask(void *path)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	int fd = open(path, O_RDWR);

	test_child_ready();
	return fd < 0 || fcntl(fd, F_GETLK, &lock) || lock.l_type != F_WRLCK ||
	       lock.l_pid != getppid();
}

int main(int argc, char **argv)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
	const char *path;
	int fd;

	test_init(argc, argv);
	path = test_file("locked");
	fd = must(open(path, O_RDWR | O_CREAT, 0600));
	must(fcntl(fd, F_SETLK, &lock));
	test_daemon();
	test_waitsig();
	sabotage("released", close(fd));
	if (test_join(test_fork(ask, (void *)path)))
		return fail("the lock is gone");
	pass();
	return 0;
}
