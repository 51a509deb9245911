// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX timers, by the kernel's own ids, with gaps between them: clock, way of
 * notification, remaining time, interval. After the restore each fires in its
 * own way, and a timer whose signal waits counts its overruns.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLACK (50 * MS)

static struct timer {
	clockid_t clock;
	int notify, sig;
	int first_s; /* 0: not armed */
	int interval_ms;
	int id, gap; /* gap: timers made and deleted before this one */
} timers[] = {
	{ .clock = CLOCK_REALTIME,
		.notify = SIGEV_SIGNAL,
		.first_s = 100,
		.interval_ms = 7100 },
	{ .clock = CLOCK_MONOTONIC, .notify = SIGEV_THREAD_ID, .first_s = 200, .gap = 2 },
	{ .clock = CLOCK_BOOTTIME,
		.notify = SIGEV_NONE,
		.first_s = 300,
		.interval_ms = 1 },
	{ .clock = CLOCK_MONOTONIC, .notify = SIGEV_SIGNAL, .gap = 5 },
	{ .clock = CLOCK_TAI,
		.notify = SIGEV_SIGNAL,
		.first_s = 400,
		.interval_ms = 250 },
};

static uint64_t all_signals = ~(1UL << (SIGTERM - 1));

static void make(struct timer *t, int i)
{
	struct sigevent ev = { .sigev_notify = t->notify, .sigev_signo = SIGRTMIN + i };
	struct itimerspec set = { .it_value.tv_sec = t->first_s };

	ev.sigev_value.sival_ptr = t;
	ev._sigev_un._tid = gettid();
	for (int n = t->gap; n >= 0; n--) {
		if (syscall(SYS_timer_create, t->clock, &ev, &t->id))
			fail("timer_create %d: %m", i);
		if (n)
			syscall(SYS_timer_delete, t->id);
	}
	set.it_interval.tv_sec = t->interval_ms / 1000;
	set.it_interval.tv_nsec = t->interval_ms % 1000 * MS;
	if (t->first_s)
		syscall(SYS_timer_settime, t->id, 0, &set, NULL);
}

static int check(const struct timer *t, int64_t least, int64_t most)
{
	struct itimerspec is;
	int64_t left, interval, passed;

	if (syscall(SYS_timer_gettime, t->id, &is))
		return fail("timer %d: %m", t->id);
	left = is.it_value.tv_sec * 1000 * MS + is.it_value.tv_nsec;
	interval = is.it_interval.tv_sec * 1000 * MS + is.it_interval.tv_nsec;
	if (interval != t->interval_ms * MS)
		return fail("timer %d: interval %ld", t->id, interval);
	if (!t->first_s)
		least = most = 0;
	passed = t->first_s * 1000 * MS - left;
	if (passed < least || passed > most)
		return fail("timer %d: %ld ns left", t->id, left);
	return 0;
}

/* Fires every millisecond; its signal, taken twice, has overruns at the second time. */
static int fire(struct timer *t, int i)
{
	struct itimerspec soon = { .it_value.tv_nsec = 1, .it_interval.tv_nsec = MS };
	struct timespec second = { .tv_sec = 1 };
	siginfo_t info = { 0 };

	syscall(SYS_timer_settime, t->id, 0, &soon, NULL);
	for (int n = 0; n < 2; n++) {
		int sig;

		test_sleep_ms(20);
		if (t->notify == SIGEV_NONE)
			second.tv_sec = 0;
		sig = syscall(SYS_rt_sigtimedwait, &all_signals, &info, &second, 8);
		if (t->notify == SIGEV_NONE)
			return sig > 0 ? fail("timer %d: signal %d", t->id, sig) : 0;
		if (sig != SIGRTMIN + i || info.si_code != SI_TIMER || info.si_ptr != t)
			return fail(
				"timer %d: signal %d, value %p", t->id, sig, info.si_ptr);
	}
	if (info.si_overrun < 5 ||
		syscall(SYS_timer_getoverrun, t->id) != info.si_overrun)
		return fail("timer %d: %d overruns", t->id, info.si_overrun);
	syscall(SYS_timer_settime, t->id, 0, &(struct itimerspec){ 0 }, NULL);
	second.tv_sec = 0; /* before Linux 6.13 what has fired waits on */
	while (syscall(SYS_rt_sigtimedwait, &all_signals, NULL, &second, 8) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	int64_t start[COUNT(timers)], set, daemon, end;
	int bad = 0;

	test_init(argc, argv);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all_signals, NULL, 8);
	for (int i = 0; i < COUNT(timers); i++) {
		start[i] = test_now();
		make(&timers[i], i);
	}
	set = test_now();
	test_sleep_ms(300);

	daemon = test_now();
	test_daemon();
	test_waitsig();

	sabotage("again", make(&timers[1], 1));
	sabotage("ids", timers[3].id--);
	sabotage("interval", timers[4].interval_ms++);
	sabotage("armed", timers[3].first_s = 1);
	end = test_now();
	for (int i = 0; i < COUNT(timers); i++)
		bad |= check(&timers[i], daemon - set - SLACK, end - start[i] + SLACK);
	for (int i = 0; i < COUNT(timers) && !bad; i++)
		bad |= fire(&timers[i], i);
	if (bad)
		return 1;
	pass();
	return 0;
}
