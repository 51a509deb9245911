// SPDX-License-Identifier: GPL-2.0-only
/*
 * A lease that somebody is breaking: the time that its holder has left is known to the
 * kernel alone. The dump refuses, and the holder can still give it up.
 *
 * zdtm: dump-fails="its lease is being broken by somebody who opens the file"
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lock.h"

int main(int argc, char **argv)
{
	int fd, status;
	pid_t pid;

	test_init(argc, argv);
	must(signal(SIGIO, SIG_IGN) == SIG_ERR ? -1 : 0);
	fd = must(open(test_file("file"), O_RDONLY | O_CREAT | O_TRUNC, 0600));
	must(fcntl(fd, F_SETLEASE, F_RDLCK));
	pid = must(fork());
	if (!pid) {
		open(test_file("file"), O_WRONLY | O_NONBLOCK);
		_exit(errno == EWOULDBLOCK ? 0 : 1);
	}
	must(waitpid(pid, &status, 0));
	if (status || !strstr(test_locks(getpid(), fd, false), "LEASE UNLCK"))
		return fail(
			"nobody breaks the lease: %s", test_locks(getpid(), fd, false));
	test_daemon();
	test_waitsig();
	if (fcntl(fd, F_SETLEASE, F_UNLCK))
		return fail("give the lease up: %m");
	must(open(test_file("file"), O_WRONLY | O_NONBLOCK));
	pass();
	return 0;
}
