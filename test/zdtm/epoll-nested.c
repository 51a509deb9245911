// SPDX-License-Identifier: GPL-2.0-only
/* Epoll files that watch epoll files, three deep, and one that is watched by two. */
#include "zdtm.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int inner, middle, outer, beside, fd;

static int watch(int ep, int what, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = 1000 + what };

	return epoll_ctl(ep, EPOLL_CTL_ADD, what, &ev);
}

static int expect(int ep, int what)
{
	struct epoll_event ev;
	int n = epoll_wait(ep, &ev, 1, 0);

	if (n != !!what || (n && ev.data.u64 != 1000u + what))
		return fail("epoll %d: %d ready, %lu", ep, n, n ? ev.data.u64 : 0);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t one = 1;

	test_init(argc, argv);
	/* the outermost has the lowest number: it is met first */
	outer = must(epoll_create1(0));
	beside = must(epoll_create1(0));
	middle = must(epoll_create1(0));
	inner = must(epoll_create1(0));
	fd = must(eventfd(0, EFD_NONBLOCK));
	must(watch(inner, fd, EPOLLIN));
	must(watch(middle, inner, EPOLLIN));
	must(watch(beside, inner, EPOLLIN));
	must(watch(outer, middle, EPOLLIN));
	test_daemon();
	test_waitsig();
	if (expect(outer, 0) || expect(beside, 0))
		return 1;
	sabotage("inner", epoll_ctl(inner, EPOLL_CTL_DEL, fd, NULL));
	sabotage("middle", epoll_ctl(middle, EPOLL_CTL_DEL, inner, NULL));
	sabotage("beside", epoll_ctl(beside, EPOLL_CTL_DEL, inner, NULL));
	must(write(fd, &one, 8));
	if (expect(outer, middle) || expect(beside, inner) || expect(middle, inner) ||
		expect(inner, fd))
		return 1;
	must(read(fd, &one, 8));
	if (expect(outer, 0) || expect(inner, 0))
		return 1;
	pass();
	return 0;
}
