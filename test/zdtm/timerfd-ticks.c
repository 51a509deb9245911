// SPDX-License-Identifier: GPL-2.0-only
/*
 * Expirations that were not read yet: of a timer that fired once, of one that
 * goes on, and none. All are absolute, so that how many is known.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int make(int first_ms, int interval_ms)
{
	struct itimerspec its = {
		.it_value = { first_ms / 1000, first_ms % 1000 * MS },
		.it_interval = { interval_ms / 1000, interval_ms % 1000 * MS },
	};
	int fd = must(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));

	must(timerfd_settime(fd, 0, &its, NULL));
	return fd;
}

int main(int argc, char **argv)
{
	int64_t start = test_now(), most;
	int once, hourly, often, never;
	struct itimerspec its;
	uint64_t n = 0, least;

	test_init(argc, argv);
	once = make(1, 0);
	hourly = make(1, 3600000);
	often = make(10, 10);
	never = make(3600000, 10);
	for (int i = 0; i < 2; i++)
		must(poll(&(struct pollfd){ .fd = i ? hourly : once, .events = POLLIN },
			1, -1));
	test_sleep_ms(60);
	least = (test_now() - start) / (10 * MS) - 1;
	test_daemon();
	test_waitsig();
	sabotage("once", read(once, &n, 8));
	sabotage("hourly", read(hourly, &n, 8));
	sabotage("often", read(often, &n, 8));
	sabotage("never", never = make(1, 0); test_sleep_ms(3));
	sabotage("interval", often = make(0, 0));
	if (read(once, &n, 8) != 8 || n != 1 || read(once, &n, 8) != -1 ||
		errno != EAGAIN)
		return fail("the timer that fired once: %lu ticks", n);
	if (read(hourly, &n, 8) != 8 || n != 1)
		return fail("the hourly timer: %lu ticks", n);
	must(timerfd_gettime(hourly, &its));
	if (its.it_value.tv_sec < 3500 || its.it_value.tv_sec > 3599 ||
		its.it_interval.tv_sec != 3600)
		return fail("the hourly timer fires in %ld s", its.it_value.tv_sec);
	if (read(often, &n, 8) != 8)
		return fail("the timer of 10 ms has no ticks: %m");
	most = (test_now() - start) / (10 * MS);
	if (n < least || (int64_t)n > most)
		return fail("the timer of 10 ms: %lu ticks, not from %lu to %ld", n,
			least, most);
	if (poll(&(struct pollfd){ .fd = often, .events = POLLIN }, 1, 5000) != 1)
		return fail("the timer of 10 ms does not go on");
	if (read(never, &n, 8) != -1 || errno != EAGAIN)
		return fail("a timer has fired that could not");
	pass();
	return 0;
}
