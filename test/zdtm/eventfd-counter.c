// SPDX-License-Identifier: GPL-2.0-only
/* Counters of eventfds, from 0 to the highest, their flags, and that each works on. */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct {
	uint64_t counter;
	int flags, fd;
} e[] = {
	{ .counter = 0, .flags = EFD_NONBLOCK },
	{ .counter = 7 },
	{ .counter = 0x123456789a, .flags = EFD_CLOEXEC },
	{ .counter = -2ull, .flags = EFD_NONBLOCK | EFD_CLOEXEC },
};
#define N ((int)(sizeof(e) / sizeof(e[0])))

static int check(int i, int copy)
{
	uint64_t n = 1;
	int flags = fcntl(e[i].fd, F_GETFL), cloexec = fcntl(e[i].fd, F_GETFD);

	if (flags != (O_RDWR | (e[i].flags & EFD_NONBLOCK)))
		return fail("%d: flags %#o", i, flags);
	if (cloexec != (e[i].flags & EFD_CLOEXEC ? FD_CLOEXEC : 0))
		return fail("%d: close-on-exec is %d", i, cloexec);
	if (e[i].counter == -2ull && (write(e[i].fd, &n, 8) != -1 || errno != EAGAIN))
		return fail("%d: the highest counter takes more", i);
	must(fcntl(e[i].fd, F_SETFL, O_NONBLOCK));
	must(fcntl(copy, F_SETFL,
		O_NONBLOCK)); /* a counter that is lost shall not block us */
	if (e[i].counter && read(copy, &n, 8) != 8)
		return fail("%d: no counter: %m", i);
	if (e[i].counter && n != e[i].counter)
		return fail("%d: counter %lu", i, n);
	if (read(e[i].fd, &n, 8) != -1 || errno != EAGAIN)
		return fail("%d: a counter of 0 can be read", i);
	n = 5;
	must(write(copy, &n, 8));
	return must(read(e[i].fd, &n, 8)) == 8 && n == 5
		       ? 0
		       : fail("%d: does not work on", i);
}

int main(int argc, char **argv)
{
	uint64_t more = 1;
	int copy[N];

	test_init(argc, argv);
	for (int i = 0; i < N; i++) {
		e[i].fd = must(eventfd(0, e[i].flags));
		must(write(e[i].fd, &e[i].counter, 8));
		copy[i] = must(dup(e[i].fd));
	}
	test_daemon();
	test_waitsig();
	sabotage("counter", write(e[1].fd, &more, 8));
	sabotage("lost", read(e[1].fd, &more, 8));
	sabotage("zero", write(e[0].fd, &more, 8));
	sabotage("high", read(e[3].fd, &more, 8));
	sabotage("flags", fcntl(e[2].fd, F_SETFL, O_NONBLOCK));
	sabotage("cloexec", fcntl(e[3].fd, F_SETFD, 0));
	sabotage("shared", close(copy[1]); copy[1] = eventfd(7, 0));
	for (int i = 0; i < N; i++)
		if (check(i, copy[i]))
			return 1;
	pass();
	return 0;
}
