// SPDX-License-Identifier: GPL-2.0-only
/* The clock of the freeze: ticks never nest, and may leave by siglongjmp. */
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "../../lib/freeze/tick.h"
#include "proc/load.h"

#define PERIOD_NS 1000000L
#define TICKS	  10

static struct err err;

struct seen {
	volatile sig_atomic_t ticks, depth, deepest;
	bool leave; /* by siglongjmp, to here: */
	sigjmp_buf here;
};

static bool next_waits(void)
{
	sigset_t set;

	return !sigpending(&set) && sigismember(&set, SIGRTMAX);
}

/* The first ticks last until the next one has come, be it inside of them. */
static void fn(void *arg)
{
	struct seen *seen = arg;
	int now = ++seen->ticks;

	if (++seen->depth > seen->deepest)
		seen->deepest = seen->depth;
	while (now < TICKS && !next_waits() && seen->ticks == now)
		;
	seen->depth--;
	if (seen->leave)
		siglongjmp(seen->here, 1);
}

static void await_ticks(const struct seen *seen)
{
	while (seen->ticks < TICKS)
		pause();
}

static void no_nesting(void)
{
	struct tick tick = { 0 };
	struct seen seen = { 0 };

	CU_ASSERT_EQUAL_FATAL(tick_start(&tick, PERIOD_NS, fn, &seen, &err), 0);
	await_ticks(&seen);
	tick_stop(&tick);
	CU_ASSERT_EQUAL(seen.deepest, 1);
}

static void leaving(void)
{
	struct tick tick = { 0 };
	struct seen seen = { .leave = true };

	CU_ASSERT_EQUAL_FATAL(tick_start(&tick, PERIOD_NS, fn, &seen, &err), 0);
	sigsetjmp(seen.here, 1);
	await_ticks(&seen);
	tick_stop(&tick);
	CU_ASSERT_EQUAL(seen.deepest, 1);
}

static void put_back(void)
{
	struct sigaction found = { .sa_handler = SIG_IGN }, now;
	struct tick tick = { 0 };
	struct seen seen = { 0 };
	sigset_t set, mask;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMAX);
	sigaction(SIGRTMAX, &found, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	CU_ASSERT_EQUAL_FATAL(tick_start(&tick, PERIOD_NS, fn, &seen, &err), 0);
	await_ticks(&seen);
	tick_stop(&tick);
	tick_stop(&tick);
	sigprocmask(SIG_UNBLOCK, &set, &mask);
	CU_ASSERT(sigismember(&mask, SIGRTMAX));
	sigaction(SIGRTMAX, NULL, &now);
	CU_ASSERT_PTR_EQUAL(now.sa_handler, SIG_IGN);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a tick waits for the end of the one before", no_nesting },
		{ "ticks go on when one left by siglongjmp", leaving },
		{ "disposition and mask come back", put_back },
	};

	return RUN_TESTS("tick", tests);
}
