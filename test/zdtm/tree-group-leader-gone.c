// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two process groups live on although the processes that gave them their
 * numbers are gone: one with two members, one with a member in another branch
 * of the tree. Signals to the group still reach both members.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static int leader(void *arg)
{
	if (setpgid(0, 0))
		return fail("setpgid: %m");
	test_child_ready();
	test_waitsig();
	return 0;
}

static int member(void *group)
{
	pid_t pgid = (intptr_t)group;

	if (setpgid(0, pgid))
		return fail("setpgid: %m");
	test_child_ready();
	test_waitsig();
	sabotage("member", setpgid(0, 0));
	return getpgrp() == pgid ? 0 : fail("group %d, was %d", getpgrp(), pgid);
}

static int branch(void *group)
{
	pid_t pid = test_fork(member, group), pgid = getpgrp();

	test_child_ready();
	test_waitsig();
	if (getpgrp() != pgid)
		return fail("group %d, was %d", getpgrp(), pgid);
	return test_join(pid);
}

int main(int argc, char **argv)
{
	pid_t gone[2], member_pids[2], branch_pid;

	test_init(argc, argv);
	gone[0] = test_fork(leader, NULL);
	gone[1] = test_fork(leader, NULL);
	member_pids[0] = test_fork(member, (void *)(intptr_t)gone[0]);
	member_pids[1] = test_fork(member, (void *)(intptr_t)gone[0]);
	branch_pid = test_fork(branch, (void *)(intptr_t)gone[1]);
	if (test_join(gone[0]) || test_join(gone[1]))
		return 1;

	test_daemon();
	test_waitsig();

	sabotage("alive", gone[1] = getpid());
	for (int i = 0; i < 2; i++)
		if (!kill(gone[i], 0) || errno != ESRCH)
			return fail("the leader %d of a group is there again", gone[i]);
	if (kill(-gone[0], SIGTERM) || kill(-gone[1], 0))
		return fail("signal to the group: %m");
	if (test_reap(member_pids[0]) || test_reap(member_pids[1]) ||
		test_join(branch_pid))
		return fail("a member failed");
	pass();
	return 0;
}
