// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases, for reading and for writing: whoever opens the file against them is held up,
 * and the holder is told by the signal it asked for, with the number of its descriptor.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lock.h"

static volatile int told_fd = -1;

static void on_break(int sig, siginfo_t *info, void *context)
{
	told_fd = info->si_fd;
}

/* A child opens the file without waiting: false when it is held up. */
static bool opens(const char *path, int flags)
{
	pid_t pid = must(fork());
	int status;

	if (!pid) {
		int fd = open(path, flags | O_NONBLOCK);

		_exit(fd >= 0 ? 0 : errno == EWOULDBLOCK ? 1 : fail("open: %m") + 1);
	}
	while (waitpid(pid, &status, 0) < 0)
		must(errno == EINTR ? 0 : -1);
	if (status && WEXITSTATUS(status) != 1)
		exit(1);
	return !status;
}

/* Broken by an open with these flags; given up; and free then. */
static int check(const char *path, int fd, int type, int breaks)
{
	if (fcntl(fd, F_GETLEASE) != type)
		return fail(
			"fd %d: lease %d and not %d", fd, fcntl(fd, F_GETLEASE), type);
	if (type == F_RDLCK && !opens(path, O_RDONLY))
		return fail("a reader is held up");
	if (told_fd >= 0)
		return fail("a break before anybody broke it");
	if (opens(path, breaks))
		return fail("fd %d: the lease holds up nobody", fd);
	if (told_fd != fd)
		return fail("fd %d: told of %d", fd, told_fd);
	told_fd = -1;
	must(fcntl(fd, F_SETLEASE, F_UNLCK));
	if (!opens(path, breaks))
		return fail("fd %d: the lease was given up and holds", fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_break,
		.sa_flags = SA_SIGINFO | SA_RESTART };
	const char *reading, *writing;
	int r, w, copy;

	test_init(argc, argv);
	must(sigaction(SIGRTMIN + 3, &sa, NULL));
	reading = test_file("reading");
	writing = test_file("writing");
	close(must(open(reading, O_RDWR | O_CREAT | O_TRUNC, 0600)));
	close(must(open(writing, O_RDWR | O_CREAT | O_TRUNC, 0600)));
	r = must(open(reading, O_RDONLY));
	w = must(fcntl(must(open(writing, O_RDWR)), F_DUPFD, 33));
	copy = must(dup(r));
	must(fcntl(r, F_SETSIG, SIGRTMIN + 3));
	must(fcntl(w, F_SETSIG, SIGRTMIN + 3));
	must(fcntl(r, F_SETLEASE, F_RDLCK));
	must(close(must(dup(w)))); /* does not end it */
	for (int i = 3; i < 33; i++)
		if (i != r && i != copy)
			close(i);
	must(fcntl(w, F_SETLEASE, F_WRLCK));

	test_daemon();
	test_waitsig();
	sabotage("reading", fcntl(r, F_SETLEASE, F_UNLCK));
	sabotage("writing", fcntl(w, F_SETLEASE, F_UNLCK));
	sabotage("weaker", close(w);
		 w = must(fcntl(must(open(writing, O_RDONLY)), F_DUPFD, 33));
		 fcntl(w, F_SETSIG, SIGRTMIN + 3); fcntl(w, F_SETLEASE, F_RDLCK));
	sabotage("signal", fcntl(w, F_SETSIG, SIGURG));
	sabotage("shared", dup2(must(open(reading, O_RDONLY)), copy));
	if (fcntl(copy, F_GETLEASE) != F_RDLCK)
		return fail("the duplicate has no lease");
	if (check(reading, r, F_RDLCK, O_WRONLY) || check(writing, w, F_WRLCK, O_RDONLY))
		return 1;
	pass();
	return 0;
}
