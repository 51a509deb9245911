// SPDX-License-Identifier: GPL-2.0-only
/*
 * A session and its group live on without their leader. Its two members have
 * come to the root, a child subreaper; one of them has a group of its own, and
 * a child of its own.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t root;
static pid_t *members; /* shared */

static int check(pid_t sid, pid_t pgid, pid_t ppid)
{
	if (getsid(0) == sid && getpgrp() == pgid && getppid() == ppid)
		return 0;
	return fail("sid %d pgid %d ppid %d, were %d %d %d", getsid(0), getpgrp(),
		getppid(), sid, pgid, ppid);
}

static int grandchild(void *arg)
{
	pid_t sid = getsid(0), ppid = getppid();

	test_child_ready();
	test_waitsig();
	return check(sid, ppid, ppid);
}

static int member(void *arg)
{
	int me = (intptr_t)arg;
	pid_t sid = getsid(0), pgid = sid, child = 0;

	members[me] = getpid();
	if (me) {
		pgid = getpid();
		setpgid(0, 0);
		child = test_fork(grandchild, NULL);
	}
	test_child_ready();
	test_waitsig();
	sabotage("session", if (!me) setsid());
	sabotage("group", if (me) setpgid(0, sid));
	return check(sid, pgid, root) || (child && test_join(child));
}

static int leader(void *arg)
{
	if (setsid() < 0)
		return fail("setsid: %m");
	test_fork(member, (void *)0L);
	test_fork(member, (void *)1L);
	test_child_ready();
	test_waitsig();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t gone;

	test_init(argc, argv);
	root = getpid();
	members = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	gone = test_fork(leader, NULL);
	if (test_join(gone))
		return 1;

	test_daemon();
	test_waitsig();

	if (!kill(gone, 0) || errno != ESRCH)
		return fail("the leader %d of the session is there again", gone);
	if (test_join(members[1]) || test_join(members[0]))
		return 1;
	pass();
	return 0;
}
