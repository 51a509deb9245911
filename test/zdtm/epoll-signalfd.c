// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signalfd in an epoll file wakes whoever waits for it: it tells of the
 * signals of the task that added it, which must be the test itself.
 */
#include "zdtm.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int child(void *arg)
{
	test_child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 77 };
	int ep, fd, n;
	sigset_t set;
	pid_t pid;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must(sigprocmask(SIG_BLOCK, &set, NULL));
	fd = must(signalfd(-1, &set, SFD_CLOEXEC));
	ep = must(epoll_create1(0));
	must(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	pid = test_fork(child, NULL);
	test_daemon();
	test_waitsig();
	if (epoll_wait(ep, &ev, 1, 0))
		return fail("it is ready without a signal");
	sabotage("watch", epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	sabotage("mask", sigemptyset(&set); signalfd(fd, &set, 0));
	must(kill(pid, SIGTERM));
	ev.data.u64 = 0;
	n = epoll_wait(ep, &ev, 1, 10000); /* asleep when the child ends, or not */
	if (n != 1 || ev.data.u64 != 77)
		return fail("%d ready, data %lu", n, ev.data.u64);
	if (test_reap(pid))
		return fail("the child");
	pass();
	return 0;
}
