// SPDX-License-Identifier: GPL-2.0-only
/*
 * One end of a socket pair is held by a task outside of the tree: an orphan
 * that echoes. The dump is refused, and the two go on.
 *
 * zdtm: dump-fails="is held by a task outside of the tree"
 */
#include "zdtm.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int sk[2];

static int outside(void *arg)
{
	pid_t me = getpid();
	char c;
	ssize_t n;

	close(sk[0]);
	must(write(sk[1], &me, sizeof(me)));
	test_child_ready();
	while ((n = read(sk[1], &c, 1)) == 1)
		must(write(sk[1], &c, 1));
	return n ? fail("outside: %m") : 0;
}

/* Its child outlives it, and is nobody's in the tree. */
static int between(void *arg)
{
	test_fork(outside, NULL);
	test_child_ready();
	return 0;
}

int main(int argc, char **argv)
{
	char c = 'x';
	pid_t pid, echo;
	int end;

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, sk));
	pid = test_fork(between, NULL);
	close(sk[1]);
	if (test_reap(pid))
		return fail("the child between");
	if (read(sk[0], &echo, sizeof(echo)) != sizeof(echo))
		return fail("no pid from outside");
	must(write(sk[0], "a", 1));
	test_daemon();
	test_waitsig();
	sabotage("more", write(sk[0], "z", 1));
	if (recv(sk[0], &c, 1, 0) != 1 || c != 'a')
		return fail("'%c' instead of 'a'", c);
	must(write(sk[0], "b", 1));
	if (recv(sk[0], &c, 1, 0) != 1 || c != 'b')
		return fail("'%c' instead of 'b'", c);
	end = must(syscall(SYS_pidfd_open, echo, 0));
	must(shutdown(sk[0], SHUT_WR));
	must(poll(&(struct pollfd){ .fd = end, .events = POLLIN }, 1, -1));
	pass();
	return 0;
}
