// SPDX-License-Identifier: GPL-2.0-only
/*
 * The root is a child subreaper and has an orphan: a grandchild whose parent
 * has ended. A branch below is a subreaper too, with an orphan of its own. The
 * attribute still works after a restore: new orphans come to the same places.
 */
#include "task.h"
#include "zdtm.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static pid_t *made; /* shared: the last orphan */

static int orphan(void *reaper)
{
	*made = getpid();
	test_child_ready();
	test_waitsig();
	if (getppid() == (intptr_t)reaper)
		return 0;
	return fail("parent %d, was %d", getppid(), (int)(intptr_t)reaper);
}

static int between(void *reaper)
{
	test_fork(orphan, reaper);
	test_child_ready();
	test_waitsig();
	return 0;
}

/* A grandchild of the caller, its parent gone. */
static pid_t make_orphan(void)
{
	pid_t pid = test_fork(between, (void *)(intptr_t)getpid());

	return test_join(pid) ? -1 : *made;
}

static int check(pid_t old)
{
	int on = 0;
	pid_t fresh;

	sabotage("attribute", prctl(PR_SET_CHILD_SUBREAPER, 0));
	if (prctl(PR_GET_CHILD_SUBREAPER, &on) || on != 1)
		return fail("PR_GET_CHILD_SUBREAPER says %d", on);
	sabotage("reparent", old = 1 << 30);
	if (test_join(old))
		return fail("the old orphan");
	fresh = make_orphan();
	return test_join(fresh) ? fail("the new orphan") : 0;
}

static int branch(void *arg)
{
	pid_t old;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	old = make_orphan();
	test_child_ready();
	test_waitsig();
	return check(old);
}

int main(int argc, char **argv)
{
	pid_t old, pid;

	test_init(argc, argv);
	made = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	old = make_orphan();
	pid = test_fork(branch, NULL);

	test_daemon();
	test_waitsig();

	if (test_join(pid) || check(old))
		return 1;
	pass();
	return 0;
}
