// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads blocked in select and pselect6: with a timeout, which ends at its
 * time; without one, where data that comes after the restore ends it.
 */
#include "blocked.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WANT (2500 * MS)

static struct timeval timeval = { WANT / (1000 * MS), WANT % (1000 * MS) / 1000 };
static struct timespec timespec = { WANT / (1000 * MS), WANT % (1000 * MS) };
static const uint64_t mask = ~(1UL << (SIGUSR1 - 1));
static const struct {
	const uint64_t *mask;
	size_t size;
} masked = { &mask, 8 };
static fd_set silent[2], speaking[2];

static struct blocked waits[] = {
	{ .nr = SYS_select, .args = { 64, (long)&silent[0], 0, 0, (long)&timeval } },
	{ .nr = SYS_pselect6,
		.args = { 64, (long)&silent[1], 0, 0, (long)&timespec, (long)&masked } },
	{ .nr = SYS_select, .args = { 64, (long)&speaking[0] } },
	{ .nr = SYS_pselect6,
		.args = { 64, (long)&speaking[1], 0, 0, 0, (long)&masked } },
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
		FD_SET(a[0], &silent[i]);
		FD_SET(b[0], &speaking[i]);
		FD_SET(a[0], &speaking[i]);
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
	sabotage("set", FD_SET(a[0], &speaking[0]));
	for (int i = 0; i < 2; i++) {
		bad |= blocked_check_time(&waits[i], 0, WANT, gone);
		bad |= blocked_check(&waits[2 + i], 1);
		if (FD_ISSET(a[0], &silent[i]) || FD_ISSET(a[0], &speaking[i]) ||
			!FD_ISSET(b[0], &speaking[i]))
			bad = fail("the sets of pair %d", i);
	}
	if (bad)
		return 1;
	pass();
	return 0;
}
