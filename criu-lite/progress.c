// SPDX-License-Identifier: GPL-2.0-only
/* The progress line on stderr, rewritten in place a few times a second. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

#define SHOW_EVERY_NS 200000000LL
#define PAGE_MIB      (4096.0 / (1 << 20))

static long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

void progress_init(struct progress *p, bool on, const char *what)
{
	*p = (struct progress){ .on = on, .what = what, .start_ns = now_ns() };
	p->shown_ns = p->start_ns;
}

void progress_expect(struct progress *p, uint64_t pages)
{
	if (p)
		p->expected += pages;
}

static void progress_show(struct progress *p, long long now)
{
	unsigned long long done = p->done, expected = p->expected;
	double seconds = (now - p->start_ns) / 1e9;
	double rate = seconds > 0 ? done / seconds : 0;
	double left = rate > 0 && expected > done ? (expected - done) / rate : 0;
	char line[160];
	int n = snprintf(line, sizeof(line),
		"\r%s: %llu of %llu pages, %.0f MiB/s, %.0f s left \x1b[K", p->what, done,
		expected, rate * PAGE_MIB, left);

	if (write(STDERR_FILENO, line, n) < 0)
		p->on = false;
}

void progress_add(struct progress *p, uint64_t pages)
{
	long long now, last;

	if (!p)
		return;
	p->done += pages;
	if (!p->on)
		return;
	now = now_ns();
	last = p->shown_ns;
	if (now - last >= SHOW_EVERY_NS &&
		atomic_compare_exchange_strong(&p->shown_ns, &last, now))
		progress_show(p, now);
}

void progress_end(struct progress *p)
{
	static const char clear[] = "\r\x1b[K";

	if (p->on && p->shown_ns != p->start_ns &&
		write(STDERR_FILENO, clear, sizeof(clear) - 1) < 0)
		p->on = false;
}
