// SPDX-License-Identifier: GPL-2.0-only
/*
 * Thirty timers, each with its own signal, that fire one after the other, from before the
 * dump until after the restore: each fires once, whatever the dump was doing just then.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TIMERS 30
#define STEP   (15 * MS)

static int fired[TIMERS];

static void make(int i)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGRTMIN + i };
	struct itimerspec set = { .it_value = { STEP * i / (1000 * MS),
					  STEP * i % (1000 * MS) + 1 } };
	int id;

	ev.sigev_value.sival_int = i;
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id) ||
		syscall(SYS_timer_settime, id, 0, &set, NULL))
		fail("timer %d: %m", i);
}

/* Signals as they come, until none has come for the time in which all should have. */
static void take(uint64_t mask)
{
	struct timespec patience = { .tv_sec = 1 + STEP * TIMERS / (1000 * MS) };
	siginfo_t info;
	int left = TIMERS;

	while (syscall(SYS_rt_sigtimedwait, &mask, &info, &patience, 8) > 0) {
		fired[info.si_int]++;
		if (--left == 0)
			patience = (struct timespec){ .tv_nsec = 100 * MS };
	}
}

int main(int argc, char **argv)
{
	uint64_t mask = 0;
	int bad = 0;

	test_init(argc, argv);
	for (int i = 0; i < TIMERS; i++)
		mask |= 1UL << (SIGRTMIN + i - 1);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8);
	for (int i = 0; i < TIMERS; i++)
		make(i);
	test_daemon();
	test_waitsig();
	sabotage("again", make(0));
	sabotage("lost", fired[TIMERS - 1]--);
	take(mask);
	for (int i = 0; i < TIMERS && !bad; i++)
		if (fired[i] != 1)
			bad = fail("timer %d fired %d times", i, fired[i]);
	if (bad)
		return 1;
	pass();
	return 0;
}
