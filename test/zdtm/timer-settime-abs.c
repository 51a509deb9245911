// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers set to an absolute time fire then, or later by no more than the time
 * in which the process did not exist; one far away has the right time left.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define AFTER (1500 * MS)
#define SLACK (300 * MS)

static const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };

static int64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static int set(clockid_t clock, int sig, int64_t at)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
	struct itimerspec its = { .it_value = { at / (1000 * MS), at % (1000 * MS) } };
	int id = -1;

	if (syscall(SYS_timer_create, clock, &ev, &id) ||
		syscall(SYS_timer_settime, id, TIMER_ABSTIME, &its, NULL))
		fail("timer_create or timer_settime: %m");
	return id;
}

int main(int argc, char **argv)
{
	int64_t at[COUNT(clocks)], far = now(CLOCK_REALTIME) + 1000000 * MS, daemon, gone,
				   left;
	struct timespec patience = { .tv_sec = 3 };
	struct itimerspec is;
	int ids[COUNT(clocks)], far_id;
	uint64_t mask = 0;

	test_init(argc, argv);
	for (int i = 0; i < COUNT(clocks); i++)
		mask |= 1UL << (SIGRTMIN + i - 1);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8);
	for (int i = 0; i < COUNT(clocks); i++) {
		at[i] = now(clocks[i]) + AFTER;
		ids[i] = set(clocks[i], SIGRTMIN + i, at[i]);
	}
	far_id = set(CLOCK_REALTIME, SIGRTMIN, far);
	test_sleep_ms(500);

	daemon = test_now();
	test_daemon();
	test_waitsig();
	gone = test_now() - daemon;

	sabotage("again", set(clocks[0], SIGRTMIN, now(clocks[0]) + AFTER);
		 syscall(SYS_timer_delete, ids[0]));
	sabotage("lost", syscall(SYS_timer_delete, ids[1]));
	syscall(SYS_timer_gettime, far_id, &is);
	left = is.it_value.tv_sec * 1000 * MS + is.it_value.tv_nsec;
	sabotage("far", left += 1000 * MS);
	if (left < far - now(CLOCK_REALTIME) - SLACK ||
		left > far - now(CLOCK_REALTIME) + gone + SLACK)
		return fail("%ld ns left to the far time", left);
	for (int i = 0; i < COUNT(clocks); i++) {
		int sig = syscall(SYS_rt_sigtimedwait, &mask, NULL, &patience, 8);
		int n = sig - SIGRTMIN;
		int64_t late;

		if (sig < 0)
			return fail("a timer did not fire: %m");
		late = now(clocks[n]) - at[n];
		if (late < 0 || late > gone + SLACK)
			return fail("clock %d: late by %ld ns, gone for %ld", clocks[n],
				late, gone);
	}
	pass();
	return 0;
}
