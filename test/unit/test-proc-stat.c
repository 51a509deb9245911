// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/stat: names that look like fields, tasks without memory, our own. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "crl/proc/file.h"
#include "crl/proc/stat.h"
#include "proc/load.h"

static struct err err;

static void captured(void)
{
	struct proc_text text = load("stat-6.18");
	struct proc_stat st;

	CU_ASSERT_EQUAL_FATAL(stat_parse(text.s, text.len, &st, &err), 0);
	CU_ASSERT_EQUAL(st.pid, 19015);
	CU_ASSERT_STRING_EQUAL(st.comm, "sleep");
	CU_ASSERT_EQUAL(st.state, 'S');
	CU_ASSERT_EQUAL(st.ppid, 19011);
	CU_ASSERT_EQUAL(st.session, 3718);
	CU_ASSERT_EQUAL(st.tpgid, -1);
	CU_ASSERT_EQUAL(st.flags, 4194304);
	CU_ASSERT_EQUAL(st.start_time, 215725);
	CU_ASSERT_EQUAL(st.start_code, 94879215984640);
	CU_ASSERT_EQUAL(st.exit_signal, 17);
	CU_ASSERT_EQUAL(st.start_brk, 94879948382208);
	CU_ASSERT_EQUAL(st.env_end, 140732105236457);
	free((char *)text.s);
}

static void nasty_name(void)
{
	struct proc_text text = load("stat-nasty");
	struct proc_stat st;

	CU_ASSERT_EQUAL_FATAL(stat_parse(text.s, text.len, &st, &err), 0);
	CU_ASSERT_EQUAL(st.pid, 4242);
	CU_ASSERT_STRING_EQUAL(st.comm, "a) S 1 (\n)(b");
	CU_ASSERT_EQUAL(st.state, 'S');
	CU_ASSERT_EQUAL(st.ppid, 1);
	CU_ASSERT_EQUAL(st.pgrp, 4242);
	CU_ASSERT_EQUAL(st.session, 17);
	CU_ASSERT_EQUAL(st.tty_nr, 34816);
	CU_ASSERT_EQUAL(st.tpgid, 4300);
	CU_ASSERT_EQUAL(st.nice, -5);
	CU_ASSERT_EQUAL(st.num_threads, 3);
	CU_ASSERT_EQUAL(st.start_time, 8812345);
	CU_ASSERT_EQUAL(st.start_code, 94001000000000);
	CU_ASSERT_EQUAL(st.end_code, 94001000900000);
	CU_ASSERT_EQUAL(st.start_stack, 140720000000000);
	CU_ASSERT_EQUAL(st.rt_priority, 50);
	CU_ASSERT_EQUAL(st.policy, 2);
	CU_ASSERT_EQUAL(st.start_data, 94001000950000);
	CU_ASSERT_EQUAL(st.end_data, 94001000990000);
	CU_ASSERT_EQUAL(st.start_brk, 94001020000000);
	CU_ASSERT_EQUAL(st.arg_start, 140720000000100);
	CU_ASSERT_EQUAL(st.arg_end, 140720000000200);
	CU_ASSERT_EQUAL(st.env_start, 140720000000300);
	CU_ASSERT_EQUAL(st.env_end, 140720000000400);
	CU_ASSERT_EQUAL(st.exit_code, 256);
	free((char *)text.s);
}

static void zombie(void)
{
	struct proc_text text = load("stat-zombie");
	struct proc_stat st;

	CU_ASSERT_EQUAL_FATAL(stat_parse(text.s, text.len, &st, &err), 0);
	CU_ASSERT_EQUAL(st.state, 'Z');
	CU_ASSERT_EQUAL(st.exit_code, 35584);
	CU_ASSERT_EQUAL(st.arg_start, 0);
	free((char *)text.s);
}

static void long_name(void)
{
	struct proc_text tail = load("stat-zombie");
	char text[1024] = "9 (", *p = text + 3;
	struct proc_stat st;

	memset(p, 'k', 200);
	memcpy(p + 200, tail.s + 6, tail.len - 6);
	CU_ASSERT_EQUAL_FATAL(stat_parse(text, 203 + tail.len - 6, &st, &err), 0);
	CU_ASSERT_EQUAL(strlen(st.comm), PROC_COMM_SIZE - 1);
	CU_ASSERT_EQUAL(st.pgrp, 77);
	free((char *)tail.s);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_stat st;
	int ret = stat_parse(text, len, &st, &err);

	CU_ASSERT(ret == 0 || ret == -EINVAL);
}

static void truncated(void)
{
	static const char bad[] = "1 (x) S 1 2 three 4";
	struct proc_text text = load("stat-nasty");
	struct proc_stat st;

	each_prefix(text, parse_any);
	CU_ASSERT_EQUAL(stat_parse(text.s, text.len - 5, &st, &err), -EINVAL);
	CU_ASSERT_EQUAL(stat_parse(bad, sizeof(bad) - 1, &st, &err), -EINVAL);
	CU_ASSERT_STRING_EQUAL(err.text, "stat: field 6 is not a number");
	free((char *)text.s);
}

static void own(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_stat st;
	char old[16];

	prctl(PR_GET_NAME, old);
	prctl(PR_SET_NAME, ") R 1 (\n");
	CU_ASSERT_EQUAL_FATAL(stat_read(dir, &buf, &st, &err), 0);
	prctl(PR_SET_NAME, old);
	CU_ASSERT_EQUAL(st.pid, getpid());
	CU_ASSERT_EQUAL(st.ppid, getppid());
	CU_ASSERT_EQUAL(st.session, getsid(0));
	CU_ASSERT_STRING_EQUAL(st.comm, ") R 1 (\n");
	CU_ASSERT(st.start_stack > (uint64_t)(uintptr_t)&st);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "captured text", captured },
		{ "name with parentheses and newlines", nasty_name },
		{ "zombie", zombie },
		{ "name longer than fits", long_name },
		{ "truncated text", truncated },
		{ "own process", own },
	};

	return RUN_TESTS("stat", tests);
}
