// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads blocked on futexes: until woken, private and shared; with a relative
 * and with an absolute timeout, which end at their time.
 */
#include "blocked.h"
#include "zdtm.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WANT (2500 * MS)

static struct timespec want = { WANT / (1000 * MS), WANT % (1000 * MS) }, until;
static uint32_t word, timed;

static void on_signal(int sig)
{
}

/* Wakes one waiter, which may not yet have gone back to its wait. */
static int wake(uint32_t *futex, int op)
{
	int64_t end = test_now() + 3000 * MS;

	while (syscall(SYS_futex, futex, op, 1, NULL, NULL, 0) != 1) {
		if (test_now() > end)
			return fail("nobody waits for the futex");
		test_sleep_ms(1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint32_t *shared = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct blocked waits[] = {
		{ .nr = SYS_futex, .args = { (long)&word, FUTEX_WAIT_PRIVATE, 0 } },
		{ .nr = SYS_futex, .args = { (long)shared, FUTEX_WAIT, 0 } },
		{ .nr = SYS_futex,
			.args = { (long)&timed, FUTEX_WAIT_PRIVATE, 0, (long)&want } },
		{ .nr = SYS_futex,
			.args = { (long)&shared[1], FUTEX_WAIT_BITSET, 0, (long)&until, 0,
				0xff } },
	};
	int64_t start, gone;
	int bad = 0;

	test_init(argc, argv);
	signal(SIGUSR1, on_signal);
	start = test_now() + WANT;
	until = (struct timespec){ start / (1000 * MS), start % (1000 * MS) };
	for (int i = 0; i < COUNT(waits); i++)
		blocked_start(&waits[i]);
	test_sleep_ms(BLOCKED_BEFORE_MS);

	start = test_now();
	test_daemon();
	test_waitsig();
	gone = test_now() - start;

	sabotage("eintr", pthread_kill(waits[2].thread, SIGUSR1));
	sabotage("waiter", shared++);
	if (wake(&word, FUTEX_WAKE_PRIVATE) || wake(shared, FUTEX_WAKE))
		return 1;
	for (int i = 0; i < COUNT(waits); i++)
		blocked_end(&waits[i]);
	sabotage("again", waits[2].took += BLOCKED_BEFORE_MS * MS);
	bad |= blocked_check(&waits[0], 0) | blocked_check(&waits[1], 0);
	bad |= blocked_check_time(&waits[2], -ETIMEDOUT, WANT, gone);
	bad |= blocked_check_time(&waits[3], -ETIMEDOUT, WANT - 300 * MS, gone);
	if (bad)
		return 1;
	pass();
	return 0;
}
