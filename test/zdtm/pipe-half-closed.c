// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipes that have lost an end: a reader gets what is left and then the end of
 * file, a writer gets EPIPE. And one whose far end is with a child only.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int far[2];

static int child(void *arg)
{
	close(far[1]);
	test_child_ready();
	test_waitsig();
	sabotage("far", close(far[0]));
	for (char c; read(far[0], &c, 1) == 1;)
		if (c == 'e')
			return 0;
	return fail("the child did not get its byte");
}

int main(int argc, char **argv)
{
	int left[2], widow[2], eof[2];
	struct pollfd poll_for = { .events = POLLIN };
	char text[100];
	pid_t pid;

	test_init(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	must(pipe(left));
	must(write(left[1], "what is left", 12));
	close(left[1]);
	must(pipe(eof));
	close(eof[1]);
	must(pipe(widow));
	close(widow[0]);
	must(pipe(far));
	pid = test_fork(child, NULL);
	close(far[0]);
	must(write(far[1], "abc", 3));
	test_daemon();
	test_waitsig();
	sabotage("left", read(left[0], text, 3));
	sabotage("not-closed", must(pipe2(eof, O_NONBLOCK)));
	sabotage("not-widow", must(pipe(widow)));
	if (read(left[0], text, 100) != 12 || memcmp(text, "what is left", 12))
		return fail("what was left is gone");
	if (read(left[0], text, 100) != 0)
		return fail("no end of file after what was left");
	poll_for.fd = eof[0];
	if (poll(&poll_for, 1, 0) != 1 || poll_for.revents != POLLHUP ||
		read(eof[0], text, 1) != 0)
		return fail("no end of file: poll gave %#x", poll_for.revents);
	if (write(widow[1], "x", 1) != -1 || errno != EPIPE)
		return fail("a pipe without a reader can be written: %m");
	if (write(far[1], "de", 2) != 2)
		return fail("the pipe to the child cannot be written: %m");
	if (test_join(pid))
		return 1;
	if (write(far[1], "x", 1) != -1 || errno != EPIPE)
		return fail("somebody else holds the reading end of the child");
	pass();
	return 0;
}
