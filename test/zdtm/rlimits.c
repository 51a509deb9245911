// SPDX-License-Identifier: GPL-2.0-only
/*
 * All sixteen resource limits of a child, soft and hard, below what they were;
 * it has a descriptor with a number that its limit no longer allows. The
 * parent's limits are other ones.
 */
#include "task.h"
#include "zdtm.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define FAR_FD 150

static const struct {
	rlim_t soft, hard;
} limits[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = { 900, 1000 },
	[RLIMIT_FSIZE] = { 1 << 20, 1 << 26 },
	[RLIMIT_DATA] = { 1 << 28, 1 << 29 },
	[RLIMIT_STACK] = { 4 << 20, 5 << 20 },
	[RLIMIT_CORE] = { 0, 4096 },
	[RLIMIT_RSS] = { 1 << 25, 1 << 26 },
	[RLIMIT_NPROC] = { 700, 800 },
	[RLIMIT_NOFILE] = { 100, 200 },
	[RLIMIT_MEMLOCK] = { 8192, 16384 },
	[RLIMIT_AS] = { 1UL << 33, 1UL << 34 },
	[RLIMIT_LOCKS] = { 11, 12 },
	[RLIMIT_SIGPENDING] = { 60, 61 },
	[RLIMIT_MSGQUEUE] = { 4096, 5000 },
	[RLIMIT_NICE] = { 3, 5 },
	[RLIMIT_RTPRIO] = { 2, 4 },
	[RLIMIT_RTTIME] = { 100000, 200000 },
};

static void lower(struct rlimit *all, int shift)
{
	for (int i = 0; i < COUNT(limits); i++) {
		getrlimit(i, &all[i]);
		if (limits[i].hard << shift < all[i].rlim_max)
			all[i].rlim_max = limits[i].hard << shift;
		all[i].rlim_cur = limits[i].soft << shift;
		if (all[i].rlim_cur > all[i].rlim_max)
			all[i].rlim_cur = all[i].rlim_max;
		if (setrlimit(i, &all[i]))
			fail("setrlimit %d: %m", i);
	}
}

static int check(const struct rlimit *was)
{
	int bad = 0;

	for (int i = 0; i < COUNT(limits); i++) {
		struct rlimit is = { 0 };

		getrlimit(i, &is);
		if (is.rlim_cur != was[i].rlim_cur || is.rlim_max != was[i].rlim_max)
			bad = fail("limit %d: %lu/%lu, was %lu/%lu", i, is.rlim_cur,
				is.rlim_max, was[i].rlim_cur, was[i].rlim_max);
	}
	return bad;
}

static int child(void *arg)
{
	struct rlimit was[COUNT(limits)];

	if (dup2(1, FAR_FD) < 0)
		return fail("dup2: %m");
	lower(was, 0);
	test_child_ready();
	test_waitsig();
	sabotage("soft",
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4096, was[1].rlim_max }));
	sabotage("hard", setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 100, 100 }));
	sabotage("fd", close(FAR_FD));
	if (fcntl(FAR_FD, F_GETFD) < 0)
		return fail("descriptor %d: %m", FAR_FD);
	return check(was);
}

int main(int argc, char **argv)
{
	struct rlimit was[COUNT(limits)];
	pid_t pid;

	test_init(argc, argv);
	lower(was, 1);
	pid = test_fork(child, NULL);

	test_daemon();
	test_waitsig();

	if (test_join(pid) | check(was))
		return 1;
	pass();
	return 0;
}
