// SPDX-License-Identifier: GPL-2.0-only
/*
 * An eventfd that is read as a semaphore, one at a time, stays one.
 * zdtm: needs=kernel:6.5
 */
#include "zdtm.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	uint64_t n = 1;
	int fd;

	test_init(argc, argv);
	fd = must(eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK));
	test_daemon();
	test_waitsig();
	sabotage("plain", fd = eventfd(3, EFD_NONBLOCK));
	sabotage("counter", write(fd, &n, 8));
	for (int i = 0; i < 3; i++)
		if (read(fd, &n, 8) != 8 || n != 1)
			return fail("read %d gives %lu: %m", i, n);
	if (read(fd, &n, 8) != -1 || errno != EAGAIN)
		return fail("a fourth read gives %lu", n);
	pass();
	return 0;
}
