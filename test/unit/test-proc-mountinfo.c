// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/mountinfo: escapes, optional fields known and unknown, no source. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crl/proc/file.h"
#include "crl/proc/mountinfo.h"
#include "proc/load.h"

static struct err err;

static void first_mount(const struct proc_mount *m)
{
	char name[64];

	CU_ASSERT_EQUAL(m->id, 36);
	CU_ASSERT_EQUAL(m->parent, 35);
	CU_ASSERT_EQUAL(m->major, 98);
	CU_ASSERT_EQUAL(m->minor, 0);
	CHECK_TEXT(m->root, "/mnt1");
	CU_ASSERT_EQUAL(
		proc_text_decode(m->point, PROC_ESCAPED_MOUNT, name, sizeof(name)), 6);
	CU_ASSERT_STRING_EQUAL(name, "/mnt 2");
	CHECK_TEXT(m->options, "rw,noatime");
	CU_ASSERT_EQUAL(m->shared, 2);
	CU_ASSERT_EQUAL(m->master, 1);
	CU_ASSERT_EQUAL(m->propagate_from, 7);
	CU_ASSERT_FALSE(m->unbindable);
	CHECK_TEXT(m->optional, "shared:2 master:1 propagate_from:7");
	CHECK_TEXT(m->fstype, "ext3");
	CHECK_TEXT(m->source, "/dev/root");
	CHECK_TEXT(m->super, "rw,errors=continue");
}

static void nasty(void)
{
	struct proc_text text = load("mountinfo-nasty"), rest = text;
	struct proc_mount m;
	char name[64];

	CU_ASSERT_EQUAL_FATAL(mountinfo_next(&rest, &m, &err), 1);
	first_mount(&m);
	CU_ASSERT_EQUAL_FATAL(mountinfo_next(&rest, &m, &err), 1);
	proc_text_decode(m.point, PROC_ESCAPED_MOUNT, name, sizeof(name));
	CU_ASSERT_STRING_EQUAL(name, "/a\\b");
	CU_ASSERT_EQUAL(m.shared, 0);
	CHECK_TEXT(m.optional, "");
	CHECK_TEXT(m.fstype, "fuse.sshfs");
	CHECK_TEXT(m.source, "");
	CHECK_TEXT(m.super, "rw,user_id=0");
	CU_ASSERT_EQUAL_FATAL(mountinfo_next(&rest, &m, &err), 1);
	CHECK_TEXT(m.root, "/sub//deleted");
	CU_ASSERT(m.unbindable);
	CHECK_TEXT(m.optional, "unbindable later:9");
	CHECK_TEXT(m.fstype, "tmpfs");
	CHECK_TEXT(m.source, "-");
	CU_ASSERT_EQUAL(mountinfo_next(&rest, &m, &err), 0);
	free((char *)text.s);
}

static void captured(void)
{
	struct proc_text text = load("mountinfo-6.18"), rest = text;
	bool root = false, lines = 0;
	struct proc_mount m;

	while (mountinfo_next(&rest, &m, &err) == 1) {
		lines = true;
		if (proc_text_is(m.point, "/"))
			root = proc_text_is(m.fstype, "ext4") && m.major == 254;
	}
	CU_ASSERT_EQUAL(rest.len, 0);
	CU_ASSERT(lines);
	CU_ASSERT(root);
	free((char *)text.s);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_text rest = { text, len };
	struct proc_mount m;
	int ret;

	while ((ret = mountinfo_next(&rest, &m, &err)) == 1)
		;
	CU_ASSERT(ret == 0 || ret == -EINVAL);
}

static void malformed(void)
{
	static const char bad[] = "1 2 0:3 / / rw shared:1 tmpfs tmpfs rw\n";
	struct proc_text text = load("mountinfo-nasty"), rest = { bad, sizeof(bad) - 1 };
	struct proc_mount m;

	each_prefix(text, parse_any);
	CU_ASSERT_EQUAL(mountinfo_next(&rest, &m, &err), -EINVAL);
	free((char *)text.s);
}

static void own(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_text rest;
	struct proc_mount m;
	bool proc = false;

	CU_ASSERT_EQUAL_FATAL(mountinfo_read(dir, &buf, &rest, &err), 0);
	while (mountinfo_next(&rest, &m, &err) == 1)
		proc = proc ||
		       (proc_text_is(m.point, "/proc") && proc_text_is(m.fstype, "proc"));
	CU_ASSERT_EQUAL(rest.len, 0);
	CU_ASSERT(proc);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "hand-made text", nasty },
		{ "captured text", captured },
		{ "malformed text", malformed },
		{ "own mounts", own },
	};

	return RUN_TESTS("mountinfo", tests);
}
