// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three interval timers: what remains and the interval. Work for some
 * time before the dump keeps "remaining" apart from "started again". The
 * time in which the process does not exist may count or not for the real timer.
 */
#include "task.h"
#include "zdtm.h"

#include <sys/time.h>

#define SLACK (50 * MS)

static const struct itimerval set[] = {
	[ITIMER_REAL] = { .it_value = { 100, 1 }, .it_interval = { 7, 70 } },
	[ITIMER_VIRTUAL] = { .it_value = { 200, 2 }, .it_interval = { 8, 80 } },
	[ITIMER_PROF] = { .it_value = { 300, 3 }, .it_interval = { 0, 0 } },
};

static int64_t ns_of(struct timeval tv)
{
	return tv.tv_sec * 1000 * MS + tv.tv_usec * 1000;
}

static int64_t left_of(int which)
{
	struct itimerval is;

	getitimer(which, &is);
	return ns_of(is.it_value);
}

/* Until the timers of processor time, which the kernel moves by ticks, have moved. */
static void work(void)
{
	while (left_of(ITIMER_PROF) > ns_of(set[ITIMER_PROF].it_value) - 300 * MS ||
		left_of(ITIMER_VIRTUAL) > ns_of(set[ITIMER_VIRTUAL].it_value) - 100 * MS)
		for (volatile int i = 0; i < 1000000; i++)
			;
}

static int check(int which, int64_t least, int64_t most)
{
	struct itimerval is;
	int64_t left;

	getitimer(which, &is);
	left = ns_of(is.it_value);
	sabotage("interval", is.it_interval.tv_usec++);
	if (ns_of(is.it_interval) != ns_of(set[which].it_interval))
		return fail("timer %d: interval %ld", which, ns_of(is.it_interval));
	if (left < least || left > most)
		return fail("timer %d: %ld ns left, not in %ld..%ld", which, left, least,
			most);
	return 0;
}

int main(int argc, char **argv)
{
	int64_t start, daemon, back, virtual, prof;
	int bad = 0;

	test_init(argc, argv);
	start = test_now();
	for (int i = 0; i < COUNT(set); i++)
		setitimer(i, &set[i], NULL);
	work();
	virtual = left_of(ITIMER_VIRTUAL);
	prof = left_of(ITIMER_PROF);
	daemon = test_now();
	test_daemon();
	test_waitsig();

	back = test_now();
	sabotage("real", setitimer(ITIMER_REAL, &set[ITIMER_REAL], NULL));
	sabotage("prof", setitimer(ITIMER_PROF, &set[ITIMER_PROF], NULL));
	sabotage("lost", setitimer(ITIMER_VIRTUAL, &(struct itimerval){ 0 }, NULL));
	bad |= check(ITIMER_REAL, ns_of(set[0].it_value) - (back - start) - SLACK,
		ns_of(set[0].it_value) - (daemon - start) + SLACK);
	bad |= check(ITIMER_VIRTUAL, virtual - 500 * MS, virtual + SLACK);
	bad |= check(ITIMER_PROF, prof - 500 * MS, prof + SLACK);
	if (bad)
		return 1;
	setitimer(ITIMER_VIRTUAL, &(struct itimerval){ 0 }, NULL);
	setitimer(ITIMER_PROF, &(struct itimerval){ 0 }, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	pass();
	return 0;
}
