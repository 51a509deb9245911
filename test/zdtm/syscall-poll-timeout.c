// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads blocked in poll and ppoll: with a timeout, which ends at its time;
 * without one, where data that comes after the restore ends it.
 */
#include "blocked.h"
#include "zdtm.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WANT_MS 2500

static struct timespec want = { WANT_MS / 1000, WANT_MS % 1000 * MS };
static const uint64_t mask = ~(1UL << (SIGUSR1 - 1));
static struct pollfd silent[2], speaking[2];

static struct blocked waits[] = {
	{ .nr = SYS_poll, .args = { (long)&silent[0], 1, WANT_MS } },
	{ .nr = SYS_ppoll, .args = { (long)&silent[1], 1, (long)&want, (long)&mask, 8 } },
	{ .nr = SYS_poll, .args = { (long)&speaking[0], 1, -1 } },
	{ .nr = SYS_ppoll, .args = { (long)&speaking[1], 1, 0, (long)&mask, 8 } },
};

static void on_signal(int sig)
{
}

int main(int argc, char **argv)
{
	int64_t start, gone;
	int a[2], b[2], bad = 0;

	test_init(argc, argv);
	signal(SIGUSR1, on_signal);
	if (pipe(a) || pipe(b))
		return fail("pipe: %m");
	for (int i = 0; i < 2; i++) {
		silent[i] = (struct pollfd){ .fd = a[0], .events = POLLIN };
		speaking[i] = (struct pollfd){ .fd = b[0], .events = POLLIN };
	}
	for (int i = 0; i < COUNT(waits); i++)
		blocked_start(&waits[i]);
	test_sleep_ms(BLOCKED_BEFORE_MS);

	start = test_now();
	test_daemon();
	test_waitsig();
	gone = test_now() - start;

	sabotage("eintr", pthread_kill(waits[1].thread, SIGUSR1));
	if (write(b[1], "data", 4) != 4)
		return fail("write: %m");
	for (int i = 0; i < COUNT(waits); i++)
		blocked_end(&waits[i]);
	sabotage("again", waits[0].took += BLOCKED_BEFORE_MS * MS);
	sabotage("events", speaking[1].revents = 0);
	for (int i = 0; i < 2; i++) {
		bad |= blocked_check_time(&waits[i], 0, WANT_MS * MS, gone);
		bad |= blocked_check(&waits[2 + i], 1);
		if (silent[i].revents || speaking[i].revents != POLLIN)
			bad = fail(
				"events %x %x", silent[i].revents, speaking[i].revents);
	}
	if (bad)
		return 1;
	pass();
	return 0;
}
