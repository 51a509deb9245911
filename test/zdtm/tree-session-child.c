// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child made before its parent called setsid() keeps the old session and
 * group; one made afterwards has the new ones. Both have the same parent.
 */
#include "task.h"
#include "zdtm.h"

#include <unistd.h>

struct expected {
	pid_t pgid, sid;
};

static int check(const struct expected *e, pid_t parent)
{
	if (getppid() == parent && getpgrp() == e->pgid && getsid(0) == e->sid)
		return 0;
	return fail("ppid %d pgid %d sid %d, were %d %d %d", getppid(), getpgrp(),
		getsid(0), parent, e->pgid, e->sid);
}

static int child(void *arg)
{
	struct expected e = { getpgrp(), getsid(0) };
	pid_t parent = getppid();

	test_child_ready();
	test_waitsig();
	sabotage("session", setsid());
	sabotage("group", setpgid(0, 0));
	return check(&e, parent);
}

static int own_group(void *arg)
{
	if (setpgid(0, 0))
		return fail("setpgid: %m");
	return child(arg);
}

static int parent(void *arg)
{
	struct expected e = { getpid(), getpid() };
	pid_t before[2], after, ppid = getppid();
	int bad;

	before[0] = test_fork(child, NULL);
	before[1] = test_fork(own_group, NULL);
	if (setsid() < 0)
		return fail("setsid: %m");
	after = test_fork(child, NULL);
	if (getsid(before[0]) != getsid(ppid) || getsid(after) != getpid())
		return fail("not set up");
	test_child_ready();
	test_waitsig();
	sabotage("parent", e.sid = ppid);
	bad = test_join(before[0]);
	bad |= test_join(before[1]);
	bad |= test_join(after);
	return bad | check(&e, ppid);
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	pid = test_fork(parent, NULL);

	test_daemon();
	test_waitsig();

	if (test_join(pid))
		return 1;
	pass();
	return 0;
}
