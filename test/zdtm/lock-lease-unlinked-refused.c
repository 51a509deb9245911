// SPDX-License-Identifier: GPL-2.0-only
/*
 * A lease for writing on a file that was unlinked: to read its contents would break it.
 * The dump refuses, and does not break it.
 *
 * zdtm: dump-fails="it has a lease, and no name any more"
 */
#include "zdtm.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static volatile sig_atomic_t broken;

static void on_break(int sig)
{
	broken = 1;
}

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	must(signal(SIGIO, on_break) == SIG_ERR ? -1 : 0);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	must(write(fd, "x", 1));
	must(fcntl(fd, F_SETLEASE, F_WRLCK));
	must(unlink(test_file("file")));
	test_daemon();
	test_waitsig();
	if (broken || fcntl(fd, F_GETLEASE) != F_WRLCK)
		return fail("the lease is %d, broken %d", fcntl(fd, F_GETLEASE), broken);
	pass();
	return 0;
}
