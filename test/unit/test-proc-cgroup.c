// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/cgroup: both versions, paths with colons and blanks. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crl/proc/cgroup.h"
#include "crl/proc/file.h"
#include "proc/load.h"

static struct err err;

static void nasty(void)
{
	struct proc_text text = load("cgroup-nasty"), rest = text;
	struct proc_cgroup cg;

	CU_ASSERT_EQUAL_FATAL(cgroup_next(&rest, &cg, &err), 1);
	CU_ASSERT_EQUAL(cg.hierarchy, 12);
	CHECK_TEXT(cg.controllers, "cpu,cpuacct");
	CHECK_TEXT(cg.path, "/a:b/c d");
	CU_ASSERT_EQUAL_FATAL(cgroup_next(&rest, &cg, &err), 1);
	CHECK_TEXT(cg.controllers, "name=systemd");
	CHECK_TEXT(cg.path, "/");
	CU_ASSERT_EQUAL_FATAL(cgroup_next(&rest, &cg, &err), 1);
	CU_ASSERT_EQUAL(cg.hierarchy, 0);
	CHECK_TEXT(cg.controllers, "");
	CHECK_TEXT(cg.path, "/gone (deleted)");
	CU_ASSERT_EQUAL(cgroup_next(&rest, &cg, &err), 0);
	free((char *)text.s);
}

static int count(struct proc_text rest)
{
	struct proc_cgroup cg;
	int n = 0;

	while (cgroup_next(&rest, &cg, &err) == 1)
		n++;
	return rest.len == 0 ? n : -1;
}

static void captured(void)
{
	struct proc_text text = load("cgroup-6.18");

	CU_ASSERT_EQUAL(count(text), 10);
	free((char *)text.s);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_text rest = { text, len };
	struct proc_cgroup cg;
	int ret;

	while ((ret = cgroup_next(&rest, &cg, &err)) == 1)
		;
	CU_ASSERT(ret == 0 || ret == -EINVAL);
}

static void malformed(void)
{
	static const char *const bad[] = { "x::/\n", "1:/\n", "1:cpu:\n", "1:cpu:a\n",
		"\n" };
	struct proc_text text = load("cgroup-nasty");
	struct proc_cgroup cg;

	each_prefix(text, parse_any);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct proc_text rest = { bad[i], strlen(bad[i]) };

		CU_ASSERT_EQUAL(cgroup_next(&rest, &cg, &err), -EINVAL);
	}
	free((char *)text.s);
}

static void own(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_text rest;

	CU_ASSERT_EQUAL_FATAL(cgroup_read(dir, &buf, &rest, &err), 0);
	CU_ASSERT(count(rest) >= 0);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "hand-made text", nasty },
		{ "captured text", captured },
		{ "malformed text", malformed },
		{ "own process", own },
	};

	return RUN_TESTS("cgroup", tests);
}
