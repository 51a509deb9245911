// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPOLLONESHOT: a watch that has fired stays silent, though its file is ready,
 * until it is armed again, not even for a hang-up; one that has not fires once.
 */
#include "zdtm.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int ep, fired, waiting, empty, full;

/* Which is ready; 0 for none. */
static int ready(void)
{
	struct epoll_event ev;

	return must(epoll_wait(ep, &ev, 1, 0)) ? (int)ev.data.u32 : 0;
}

static void arm(int op, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.u32 = fd };

	must(epoll_ctl(ep, op, fd, &ev));
}

int main(int argc, char **argv)
{
	uint64_t one = 1;
	int p[2], q[2];

	test_init(argc, argv);
	ep = must(epoll_create1(0));
	fired = must(eventfd(1, 0));
	waiting = must(eventfd(0, 0));
	must(pipe(p) | pipe(q));
	empty = p[0];
	full = q[0];
	arm(EPOLL_CTL_ADD, fired);
	arm(EPOLL_CTL_ADD, waiting);
	arm(EPOLL_CTL_ADD, empty);
	arm(EPOLL_CTL_ADD, full);
	if (ready() != fired || ready())
		return fail("before: it does not fire once");
	must(write(
		p[1], "x", 1)); /* fires, is read, and has nothing to fire at any more */
	if (ready() != empty || read(empty, &one, 1) != 1)
		return fail("before: the pipe");
	must(write(q[1], "y", 1));
	if (ready() != full)
		return fail("before: the full pipe");
	test_daemon();
	test_waitsig();
	sabotage("armed", arm(EPOLL_CTL_MOD, fired));
	sabotage("pipe", arm(EPOLL_CTL_MOD, empty));
	sabotage("lost", epoll_ctl(ep, EPOLL_CTL_DEL, waiting, NULL));
	must(write(p[1], "x", 1));
	must(close(q[1]));
	if (ready())
		return fail("what has fired fires again");
	one = 1;
	must(write(waiting, &one, 8));
	if (ready() != waiting || ready())
		return fail("the waiting one does not fire once");
	arm(EPOLL_CTL_MOD, fired);
	if (ready() != fired || ready())
		return fail("armed again, it does not fire once");
	arm(EPOLL_CTL_MOD, empty);
	if (ready() != empty)
		return fail("armed again, the pipe does not fire");
	pass();
	return 0;
}
