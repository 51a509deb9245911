// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timerfds go on with the time that remained, relative and absolute ones, on
 * every clock; one that is not armed stays so. One fires after the restore.
 */
#include "task.h"
#include "zdtm.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static struct {
	clockid_t clock;
	int seconds, flags, fd;
	struct timespec interval;
	struct itimerspec found;
} t[] = {
	{ CLOCK_MONOTONIC, .seconds = 100 },
	{ CLOCK_REALTIME, .seconds = 200, .interval = { 1, 500 * MS } },
	{ CLOCK_BOOTTIME, .seconds = 300, .flags = TFD_TIMER_ABSTIME },
	{ CLOCK_REALTIME, .seconds = 400,
		.flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET },
	{ CLOCK_MONOTONIC, .seconds = 0 },
	{ CLOCK_MONOTONIC, .seconds = 1 },
};

#define NS(ts) ((ts).tv_sec * 1000 * MS + (ts).tv_nsec)

static void set(int i)
{
	struct itimerspec its = { .it_interval = t[i].interval };

	if (t[i].flags)
		clock_gettime(t[i].clock, &its.it_value);
	its.it_value.tv_sec += t[i].seconds;
	t[i].fd = must(timerfd_create(t[i].clock, 0));
	must(timerfd_settime(t[i].fd, t[i].flags, &its, NULL));
	must(timerfd_gettime(t[i].fd, &t[i].found));
}

static int check(int i, int64_t passed)
{
	struct itimerspec now;
	int64_t less;

	must(timerfd_gettime(t[i].fd, &now));
	less = NS(t[i].found.it_value) - NS(now.it_value);
	if (less < 0 || less > passed || (i < 4 && !less))
		return fail(
			"timer %d: %ld ns less remain, %ld have passed", i, less, passed);
	if (NS(now.it_interval) != NS(t[i].interval))
		return fail("timer %d: interval %ld", i, NS(now.it_interval));
	return 0;
}

int main(int argc, char **argv)
{
	struct itimerspec its = { .it_value.tv_sec = 99, .it_interval.tv_sec = 1 };
	int64_t start = test_now();
	uint64_t ticks;

	test_init(argc, argv);
	for (int i = 0; i < COUNT(t); i++)
		set(i);
	test_daemon();
	test_waitsig();
	sabotage("value", timerfd_settime(t[0].fd, 0, &its, NULL));
	sabotage("interval", timerfd_settime(t[1].fd, 0, &its, NULL));
	sabotage("armed", timerfd_settime(t[4].fd, 0, &its, NULL));
	sabotage(
		"disarmed", timerfd_settime(t[2].fd, 0, &(struct itimerspec){ 0 }, NULL));
	for (int i = 0; i < COUNT(t); i++)
		if (check(i, test_now() - start))
			return 1;
	sabotage("never", timerfd_settime(t[5].fd, 0, &(struct itimerspec){ 0 }, NULL));
	if (poll(&(struct pollfd){ .fd = t[5].fd, .events = POLLIN }, 1, 5000) != 1 ||
		read(t[5].fd, &ticks, 8) != 8 || ticks != 1)
		return fail("the timer did not fire once: %m");
	pass();
	return 0;
}
