// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/limits against captured text and against getrlimit(). */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crl/proc/file.h"
#include "crl/proc/limits.h"
#include "proc/load.h"

static struct err err;

static void captured(void)
{
	struct proc_text text = load("limits-nasty");
	struct proc_limit limits[PROC_LIMITS];

	CU_ASSERT_EQUAL_FATAL(limits_parse(text.s, text.len, limits, &err), 0);
	CU_ASSERT_EQUAL(limits[RLIMIT_CPU].soft, PROC_LIMIT_NONE);
	CU_ASSERT_EQUAL(limits[RLIMIT_STACK].soft, PROC_LIMIT_NONE);
	CU_ASSERT_EQUAL(limits[RLIMIT_STACK].hard, PROC_LIMIT_NONE);
	CU_ASSERT_EQUAL(limits[RLIMIT_CORE].soft, 0);
	CU_ASSERT_EQUAL(limits[RLIMIT_CORE].hard, PROC_LIMIT_NONE);
	CU_ASSERT_EQUAL(limits[RLIMIT_NPROC].soft, 96365);
	CU_ASSERT_EQUAL(limits[RLIMIT_NOFILE].hard, 20000);
	CU_ASSERT_EQUAL(limits[RLIMIT_MSGQUEUE].soft, 819200);
	CU_ASSERT_EQUAL(limits[RLIMIT_NICE].hard, 0);
	CU_ASSERT_EQUAL(limits[RLIMIT_RTTIME].hard, PROC_LIMIT_NONE);
	free((char *)text.s);
}

static void own(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	struct rlimit lim, odd = { 4096 * 5, RLIM_INFINITY };
	struct proc_limit limits[PROC_LIMITS];
	PROC_BUF_AUTO buf = { 0 };

	getrlimit(RLIMIT_CORE, &lim);
	odd.rlim_max = lim.rlim_max;
	setrlimit(RLIMIT_CORE, &odd);
	CU_ASSERT_EQUAL_FATAL(limits_read(dir, &buf, limits, &err), 0);
	for (int i = 0; i < PROC_LIMITS; i++) {
		getrlimit(i, &lim);
		CU_ASSERT_EQUAL(limits[i].soft, lim.rlim_cur);
		CU_ASSERT_EQUAL(limits[i].hard, lim.rlim_max);
	}
	close(dir);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_limit limits[PROC_LIMITS];
	int ret = limits_parse(text, len, limits, &err);

	CU_ASSERT(ret == 0 || ret == -EINVAL);
}

static void malformed(void)
{
	struct proc_text text = load("limits-6.18");
	struct proc_limit limits[PROC_LIMITS];
	char *name;

	each_prefix(text, parse_any);
	CU_ASSERT_EQUAL(limits_parse(text.s, text.len - 200, limits, &err), -EINVAL);
	name = memmem(text.s, text.len, "Max open files", 14);
	memcpy(name, "Max ajar", 8);
	CU_ASSERT_EQUAL(limits_parse(text.s, text.len, limits, &err), -EINVAL);
	free((char *)text.s);
}

int main(void)
{
	static const struct test tests[] = {
		{ "captured text", captured },
		{ "own process", own },
		{ "malformed text", malformed },
	};

	return RUN_TESTS("limits", tests);
}
