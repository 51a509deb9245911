// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/timers: every kind of notification, and timers of our own. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "crl/proc/file.h"
#include "crl/proc/timers.h"
#include "proc/load.h"

static struct err err;

static void captured(void)
{
	struct proc_text text = load("timers"), rest = text;
	struct proc_timer t;

	CU_ASSERT_EQUAL_FATAL(timers_next(&rest, &t, &err), 1);
	CU_ASSERT_EQUAL(t.id, 0);
	CU_ASSERT_EQUAL(t.signo, 60);
	CU_ASSERT_EQUAL(t.sigval, 0x7fff86e452a8);
	CU_ASSERT_EQUAL(t.notify, SIGEV_SIGNAL);
	CU_ASSERT_EQUAL(t.target, 2634);
	CU_ASSERT_EQUAL(t.clock, CLOCK_REALTIME);
	CU_ASSERT_EQUAL_FATAL(timers_next(&rest, &t, &err), 1);
	CU_ASSERT_EQUAL(t.id, 7);
	CU_ASSERT_EQUAL(t.sigval, 7);
	CU_ASSERT_EQUAL(t.notify, SIGEV_SIGNAL | SIGEV_THREAD_ID);
	CU_ASSERT_EQUAL(t.target, 2635);
	CU_ASSERT_EQUAL(t.clock, -21070);
	CU_ASSERT_EQUAL_FATAL(timers_next(&rest, &t, &err), 1);
	CU_ASSERT_EQUAL(t.id, INT32_MAX);
	CU_ASSERT_EQUAL(t.notify, SIGEV_NONE);
	CU_ASSERT_EQUAL(t.clock, CLOCK_MONOTONIC);
	CU_ASSERT_EQUAL(timers_next(&rest, &t, &err), 0);
	free((char *)text.s);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_text rest = { text, len };
	struct proc_timer t;
	int ret;

	while ((ret = timers_next(&rest, &t, &err)) == 1)
		;
	CU_ASSERT(ret == 0 || ret == -EINVAL);
}

static void malformed(void)
{
	static const char bad[] =
		"ID: 1\nsignal: 1/2\nnotify: pigeon/pid.3\nClockID: 0\n";
	struct proc_text text = load("timers"), rest = { bad, sizeof(bad) - 1 };
	struct proc_timer t;

	each_prefix(text, parse_any);
	CU_ASSERT_EQUAL(timers_next(&rest, &t, &err), -EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "pigeon"));
	free((char *)text.s);
}

static void own(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY), seen = 0;
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	PROC_BUF_AUTO buf = { 0 };
	struct proc_text rest;
	struct proc_timer t;
	timer_t one, two;

	ev.sigev_value.sival_ptr = &seen;
	CU_ASSERT_EQUAL_FATAL(timer_create(CLOCK_MONOTONIC, &ev, &one), 0);
	ev.sigev_notify = SIGEV_NONE;
	CU_ASSERT_EQUAL_FATAL(timer_create(CLOCK_BOOTTIME, &ev, &two), 0);
	CU_ASSERT_EQUAL_FATAL(timers_read(dir, &buf, &rest, &err), 0);
	while (timers_next(&rest, &t, &err) == 1) {
		bool first = t.clock == CLOCK_MONOTONIC;

		CU_ASSERT_EQUAL(t.notify, first ? SIGEV_SIGNAL : SIGEV_NONE);
		CU_ASSERT_EQUAL(t.sigval, (uintptr_t)&seen);
		if (first) {
			CU_ASSERT_EQUAL(t.signo, SIGUSR2);
			CU_ASSERT_EQUAL(t.target, getpid());
		}
		seen++;
	}
	CU_ASSERT_EQUAL(seen, 2);
	timer_delete(one);
	timer_delete(two);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "captured text", captured },
		{ "malformed text", malformed },
		{ "own timers", own },
	};

	return RUN_TESTS("timers", tests);
}
