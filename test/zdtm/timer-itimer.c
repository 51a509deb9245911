// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three interval timers: what remains and the interval. Work for some
 * time before the dump keeps "remaining" apart from "started again". The
 * time in which the process does not exist may count or not for the real timer.
 */
#include "task.h"
#include "zdtm.h"

#include <sys/time.h>
#include <time.h>

#define SLACK (50 * MS)

static const struct itimerval set[] = {
	[ITIMER_REAL] = { .it_value = { 100, 1 }, .it_interval = { 7, 70 } },
	[ITIMER_VIRTUAL] = { .it_value = { 200, 2 }, .it_interval = { 8, 80 } },
	[ITIMER_PROF] = { .it_value = { 300, 3 }, .it_interval = { 0, 0 } },
};

static int64_t cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static void work(int64_t ns)
{
	int64_t end = cpu_now() + ns;

	while (cpu_now() < end)
		for (volatile int i = 0; i < 100000; i++)
			;
}

static int64_t ns_of(struct timeval tv)
{
	return tv.tv_sec * 1000 * MS + tv.tv_usec * 1000;
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
	int64_t start, daemon, back, cpu;
	int bad = 0;

	test_init(argc, argv);
	start = test_now();
	cpu = cpu_now();
	for (int i = 0; i < COUNT(set); i++)
		setitimer(i, &set[i], NULL);
	work(300 * MS);
	cpu = cpu_now() - cpu;

	daemon = test_now();
	test_daemon();
	test_waitsig();

	back = test_now();
	sabotage("real", setitimer(ITIMER_REAL, &set[ITIMER_REAL], NULL));
	sabotage("prof", setitimer(ITIMER_PROF, &set[ITIMER_PROF], NULL));
	sabotage("lost", setitimer(ITIMER_VIRTUAL, &(struct itimerval){ 0 }, NULL));
	bad |= check(ITIMER_REAL, ns_of(set[0].it_value) - (back - start) - SLACK,
		ns_of(set[0].it_value) - (daemon - start) + SLACK);
	/* User time is a share of all of it; the kernel rounds it by ticks. */
	bad |= check(ITIMER_VIRTUAL, ns_of(set[1].it_value) - cpu - 500 * MS,
		ns_of(set[1].it_value) - cpu / 3);
	bad |= check(ITIMER_PROF, ns_of(set[2].it_value) - cpu - 500 * MS,
		ns_of(set[2].it_value) - cpu + SLACK);
	if (bad)
		return 1;
	setitimer(ITIMER_VIRTUAL, &(struct itimerval){ 0 }, NULL);
	setitimer(ITIMER_PROF, &(struct itimerval){ 0 }, NULL);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	pass();
	return 0;
}
