// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The guardian waits for a byte on a socket (dismissed), the end of that socket
 * or of its maker (he died), or the end of its patience. The maker's pidfd is there
 * because a process that he forked may hold the other end of the socket open.
 *
 * It is made without an exit signal, so that nobody who waits for his children
 * meets it by chance; it leaves the session and the descriptors of its maker, and
 * blocks all signals. Its maker collects it in guardian_dismiss.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "guardian.h"

enum { FD_SOCK, FD_MAKER, FD_FILE, FD_ABOVE };

struct duty {
	int fd[FD_ABOVE];
	const char *text;
	int timeout_ms;
};

/* Move the descriptors to 0, 1, 2, by way of numbers above, and close all others. */
static bool take_only(const int fd[FD_ABOVE])
{
	int high[FD_ABOVE];

	for (int i = 0; i < FD_ABOVE; i++) {
		high[i] = fcntl(fd[i], F_DUPFD, FD_ABOVE);
		if (high[i] < 0)
			return false;
	}
	for (int i = 0; i < FD_ABOVE; i++)
		dup2(high[i], i);
	syscall(SYS_close_range, FD_ABOVE, ~0u, 0);
	return true;
}

/* Only what is safe in a child of a process with threads. */
static void guard(const struct duty *duty)
{
	struct pollfd wait[] = {
		{ .fd = FD_SOCK, .events = POLLIN },
		{ .fd = FD_MAKER, .events = POLLIN },
	};
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "crl-guardian");
	if (!take_only(duty->fd))
		_exit(1);
	while (poll(wait, 2, duty->timeout_ms) < 0 && errno == EINTR)
		;
	if (wait[0].revents & POLLIN && read(FD_SOCK, &byte, 1) == 1)
		_exit(0);
	_exit(write(FD_FILE, duty->text, strlen(duty->text)) < 0);
}

static int start(struct guardian *guardian, struct duty *duty, struct err *err)
{
	int ends[2];
	pid_t pid;

	if (FAULT(FREEZE_GUARD) ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return err_os(err, errno, "socket pair for the guardian");
	duty->fd[FD_SOCK] = ends[0];
	pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L); /* fork without SIGCHLD */
	if (!pid)
		guard(duty);
	close(ends[0]);
	if (pid < 0) {
		int code = errno;

		close(ends[1]);
		return err_os(err, code, "start a guardian");
	}
	guardian->pid = pid;
	guardian->sock = ends[1];
	return 0;
}

int guardian_start(struct guardian *guardian, int fd, const char *text, int timeout_ms,
	struct err *err)
{
	auto_fd int maker = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct duty duty = { .text = text, .timeout_ms = timeout_ms };

	if (maker < 0)
		return err_os(err, errno, "pidfd of our own process");
	duty.fd[FD_MAKER] = maker;
	duty.fd[FD_FILE] = fd;
	return start(guardian, &duty, err);
}

void guardian_dismiss(struct guardian *guardian)
{
	if (guardian->pid <= 0)
		return;
	/* It may have run out of patience and be gone: no SIGPIPE for that. */
	send(guardian->sock, "", 1, MSG_NOSIGNAL);
	close(guardian->sock);
	while (waitpid(guardian->pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	*guardian = (struct guardian){ .sock = -1 };
}
