// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads asleep for a time, and until a time: none wakes early, none starts
 * again, none sees EINTR. With and without room for the remaining time.
 */
#include "blocked.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#define WANT (2500 * MS)

static struct timespec want = { WANT / (1000 * MS), WANT % (1000 * MS) };
static struct timespec until, left;

static struct blocked sleeps[] = {
	{ .nr = SYS_nanosleep, .args = { (long)&want } },
	{ .nr = SYS_nanosleep, .args = { (long)&want, (long)&left } },
	{ .nr = SYS_clock_nanosleep, .args = { CLOCK_MONOTONIC, 0, (long)&want } },
	{ .nr = SYS_clock_nanosleep, .args = { CLOCK_REALTIME, 0, (long)&want } },
	{ .nr = SYS_clock_nanosleep,
		.args = { CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&until } },
};

static void on_signal(int sig)
{
}

int main(int argc, char **argv)
{
	int64_t at, start, gone;
	int bad = 0;

	test_init(argc, argv);
	signal(SIGUSR1, on_signal);
	at = test_now() + WANT;
	until = (struct timespec){ at / (1000 * MS), at % (1000 * MS) };
	for (int i = 0; i < COUNT(sleeps); i++)
		blocked_start(&sleeps[i]);
	test_sleep_ms(BLOCKED_BEFORE_MS);

	start = test_now();
	test_daemon();
	test_waitsig();
	gone = test_now() - start;

	sabotage("eintr", pthread_kill(sleeps[2].thread, SIGUSR1));
	for (int i = 0; i < COUNT(sleeps); i++)
		blocked_end(&sleeps[i]);
	sabotage("again", sleeps[0].took += BLOCKED_BEFORE_MS * MS);
	sabotage("early", sleeps[4].took -= 500 * MS);
	/* The last one began its wait a little after its time was set. */
	for (int i = 0; i < COUNT(sleeps); i++)
		bad |= blocked_check_time(&sleeps[i], 0,
			i == COUNT(sleeps) - 1 ? WANT - 300 * MS : WANT, gone);
	if (bad)
		return 1;
	pass();
	return 0;
}
