// SPDX-License-Identifier: GPL-2.0-only
/*
 * User and group ids, all four of each and all different, and supplementary
 * groups: in a child without any privilege left and in one that kept its own.
 *
 * zdtm: needs=root
 */
#include "task.h"
#include "zdtm.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const lines[] = { "Uid", "Gid", "Groups", "CapPrm", "CapEff",
	"CapInh" };

struct seen {
	char text[COUNT(lines)][512];
	uid_t uid[4];
	gid_t gid[4];
};

static struct seen look(void)
{
	struct seen s = { 0 };

	for (int i = 0; i < COUNT(lines); i++)
		if (!test_status(getpid(), lines[i], s.text[i], sizeof(s.text[i])))
			fail("no %s in status", lines[i]);
	getresuid(&s.uid[0], &s.uid[1], &s.uid[2]);
	getresgid(&s.gid[0], &s.gid[1], &s.gid[2]);
	s.uid[3] = setfsuid(-1);
	s.gid[3] = setfsgid(-1);
	return s;
}

static void drop_caps(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { 0 };

	syscall(SYS_capset, &head, none);
}

static int child(void *keep)
{
	static const gid_t groups[] = { 3, 70, 5000, 5001, 4000000 };
	struct seen was, is;

	/* So that the effective set outlives uid 0 until fsuid is set. */
	prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
	if (setgroups(COUNT(groups), groups) || setresgid(2001, 2002, 2003) ||
		setresuid(1001, 1002, 1003))
		return fail("set ids: %m");
	setfsgid(2004);
	setfsuid(1004);
	prctl(PR_SET_SECUREBITS, 0);
	if (!keep)
		drop_caps();
	was = look();
	if (was.uid[3] != 1004 || was.gid[3] != 2004 || was.uid[2] != 1003)
		return fail("not set up: fsuid %d fsgid %d", was.uid[3], was.gid[3]);
	test_child_ready();
	test_waitsig();
	sabotage("fsuid", setfsuid(1003));
	sabotage("gid", if (keep) setresgid(2001, 2003, 2003));
	sabotage("groups", if (keep) setgroups(2, groups));
	sabotage("caps", drop_caps());
	is = look();
	for (int i = 0; i < COUNT(lines); i++)
		if (strcmp(is.text[i], was.text[i]))
			return fail("%s %s, was %s", lines[i], is.text[i], was.text[i]);
	return memcmp(&is, &was, sizeof(is)) ? fail("ids by system call differ") : 0;
}

int main(int argc, char **argv)
{
	pid_t pids[2];

	test_init(argc, argv);
	for (intptr_t i = 0; i < 2; i++)
		pids[i] = test_fork(child, (void *)i);

	test_daemon();
	test_waitsig();

	if (test_join(pids[0]) | test_join(pids[1]))
		return 1;
	pass();
	return 0;
}
