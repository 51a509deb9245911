// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an epoll file watches: events, data, edge and exclusive watches, the
 * same file under two numbers.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DATA 0x1234567800000000ul
static int ep, fd[5];
static const uint32_t events[] = { EPOLLIN, EPOLLOUT | EPOLLET, EPOLLIN | EPOLLEXCLUSIVE,
	EPOLLIN | EPOLLRDHUP | EPOLLPRI, 0 };

/* The watches as the kernel shows them, without device and inode, which may change. */
static void watches(char *text)
{
	char path[64], line[99];
	const char *p;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	p = test_read_file(path, NULL);
	for (*text = '\0'; p && (p = strstr(p, "tfd:")); p++)
		if (sscanf(p, "%60[^p]", line) == 1)
			for (int i = 0; i < 5; i++)
				if (atoi(p + 4) == fd[i])
					strcpy(text + i * 61, line);
}

/* The data of what is ready, 0 for nothing. */
static uint64_t ready(void)
{
	struct epoll_event ev;

	return must(epoll_wait(ep, &ev, 1, 0)) ? ev.data.u64 : 0;
}

int main(int argc, char **argv)
{
	char before[305] = "", after[305] = "";
	struct epoll_event ev;
	uint64_t one = 1;
	int p[2];

	test_init(argc, argv);
	ep = must(epoll_create1(EPOLL_CLOEXEC));
	must(pipe2(p, 0));
	fd[0] = p[0], fd[1] = p[1], fd[2] = dup(p[0]);
	fd[3] = must(dup2(must(eventfd(0, 0)), 500));
	fd[4] = must(timerfd_create(CLOCK_MONOTONIC, 0));
	for (int i = 0; i < 5; i++) {
		ev = (struct epoll_event){ .events = events[i], .data.u64 = DATA + i };
		must(epoll_ctl(ep, EPOLL_CTL_ADD, fd[i], &ev));
	}
	watches(before);
	test_daemon();
	test_waitsig();
	sabotage("data", ev.data.u64++; epoll_ctl(ep, EPOLL_CTL_MOD, fd[4], &ev));
	sabotage("events", ev.events = EPOLLIN; epoll_ctl(ep, EPOLL_CTL_MOD, fd[4], &ev));
	sabotage("missing", epoll_ctl(ep, EPOLL_CTL_DEL, fd[2], &ev));
	watches(after);
	if (memcmp(before, after, sizeof(before)))
		return fail("watches differ");
	if (ready() != DATA + 1 || ready())
		return fail("the edge");
	sabotage("file", dup2(eventfd(0, 0), fd[3]));
	must(write(fd[3], &one, 8));
	if (ready() != DATA + 3)
		return fail("the eventfd");
	pass();
	return 0;
}
