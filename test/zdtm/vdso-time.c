// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vdso: where it was, with its data pages before it, and right about the
 * time. A child asks it all the while, so that a dump may find it in the vdso.
 */
#include "zdtm.h"

#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME,
	CLOCK_MONOTONIC_COARSE };

static long long ns(const struct timespec *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

/* What the vdso says lies between two answers of the kernel itself. */
static int check_clock(clockid_t clock)
{
	struct timespec before, now, after;

	syscall(SYS_clock_gettime, clock, &before);
	if (clock_gettime(clock, &now))
		return fail("clock_gettime: %m");
	sabotage("time", now.tv_sec--);
	syscall(SYS_clock_gettime, clock, &after);
	if (ns(&now) < ns(&before) || ns(&now) > ns(&after))
		return fail("clock %d: %lld is not in %lld..%lld", clock, ns(&now),
			ns(&before), ns(&after));
	return 0;
}

static int ask_always(void *arg)
{
	struct timespec last = { 0 }, now;

	test_child_ready();
	for (long i = 0; !test_signalled(); i++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (ns(&now) < ns(&last))
			return fail(
				"time went back from %lld to %lld", ns(&last), ns(&now));
		last = now;
		if (i % 1000 == 0)
			usleep(1000); /* others want the processor too */
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	struct test_map was[2];
	struct timeval tv;
	pid_t pid;

	test_init(argc, argv);
	if (!vdso)
		return test_skip("this kernel gives tasks no vdso");
	if (!test_find_map(vdso, &was[0]) || strcmp(was[0].path, "[vdso]"))
		return fail("no vdso at %p", vdso);
	if (!test_find_map(vdso - 1, &was[1]) || strncmp(was[1].path, "[vvar", 5))
		return fail("no data pages before the vdso");
	pid = test_fork(ask_always, NULL);
	test_daemon();
	test_waitsig();
	sabotage("child", kill(pid, 9));
	sabotage("place", was[0].start += PAGE);
	if (test_check_map(vdso, &was[0]) || test_check_map(vdso - 1, &was[1]))
		return 1;
	if (memcmp(vdso, "\177ELF", 4))
		return fail("no ELF image in the vdso");
	for (int i = 0; i < 4000; i++)
		if (check_clock(clocks[i % 4]))
			return 1;
	if (gettimeofday(&tv, NULL) || labs(tv.tv_sec - time(NULL)) > 1)
		return fail("gettimeofday and time differ");
	if (test_join(pid))
		return 1;
	pass();
	return 0;
}
