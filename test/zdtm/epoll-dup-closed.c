// SPDX-License-Identifier: GPL-2.0-only
/*
 * An epoll file watches open files, not numbers: watches whose number was
 * closed while a duplicate lives, was given to another file, which is watched
 * too, or is open in a child only.
 */
#include "zdtm.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int ep, moved, reused, foreign;

static void watch(int fd, uint32_t data)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = data };

	must(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
}

/* Make it ready, and see that this is what is told. */
static int expect(int fd, int data)
{
	struct epoll_event ev;
	uint64_t one = 1;
	int n;

	must(write(fd, &one, 8));
	n = must(epoll_wait(ep, &ev, 1, 0));
	must(read(fd, &one, 8));
	if (n != 1 || (int)ev.data.u32 != data)
		return fail("watch %d: %d ready, %d", data, n, n ? (int)ev.data.u32 : 0);
	return must(epoll_wait(ep, &ev, 1, 0)) ? fail("watch %d stays ready", data) : 0;
}

static int child(void *arg)
{
	test_child_ready();
	test_waitsig();
	sabotage("foreign", epoll_ctl(ep, EPOLL_CTL_DEL, foreign, NULL));
	return expect(foreign, 4);
}

int main(int argc, char **argv)
{
	int was, copy;
	pid_t pid;

	test_init(argc, argv);
	ep = must(epoll_create1(0));
	was = must(eventfd(0, 0));
	watch(was, 1);
	moved = must(dup2(was, 50));
	close(was);
	reused = must(dup2(must(eventfd(0, 0)), was)); /* the same number */
	watch(reused, 2);
	copy = must(dup(reused));
	watch(copy, 3);
	foreign = must(eventfd(0, 0));
	watch(foreign, 4);
	pid = test_fork(child, NULL);
	close(foreign);
	test_daemon();
	test_waitsig();
	sabotage("moved", was = dup(reused); dup2(moved, reused);
		 epoll_ctl(ep, EPOLL_CTL_DEL, reused, NULL); dup2(was, reused));
	sabotage("reused", epoll_ctl(ep, EPOLL_CTL_DEL, reused, NULL));
	if (test_join(pid) || expect(moved, 1))
		return fail("a watch is not as it was");
	must(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL));
	must(expect(reused, 2) ? -1 : 0);
	/* under its old number, it can be removed */
	must(dup2(moved, reused));
	if (epoll_ctl(ep, EPOLL_CTL_DEL, reused, NULL))
		return fail("it is not known under its old number: %m");
	pass();
	return 0;
}
