// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flock lock whose last descriptor was closed, on a file that a mapping keeps open:
 * only the end of the mapping ends it. The dump refuses, and does not mistake for it
 * the lock of another file that is mapped and open.
 *
 * zdtm: dump-fails="hidden: it is locked"
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map_locked(const char *path, bool keep)
{
	int fd = must(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
	void *map;

	must(ftruncate(fd, PAGE));
	must(flock(fd, LOCK_EX));
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(map == MAP_FAILED ? -1 : 0);
	if (!keep)
		close(fd);
	return map;
}

int main(int argc, char **argv)
{
	const char *path;
	void *map;
	int fd;

	test_init(argc, argv);
	path = test_file("hidden");
	map_locked(test_file("shown"), true);
	map = map_locked(path, false);
	test_daemon();
	test_waitsig();
	fd = must(open(path, O_RDWR));
	if (!flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK)
		return fail("the lock is gone");
	must(munmap(map, PAGE));
	must(flock(fd, LOCK_EX | LOCK_NB));
	pass();
	return 0;
}
