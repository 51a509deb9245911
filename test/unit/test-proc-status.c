// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/status: lines old kernels lack, nested pid namespaces, many groups. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crl/proc/file.h"
#include "crl/proc/status.h"
#include "proc/load.h"

static struct err err;

static struct proc_status parsed(const char *name)
{
	struct proc_text text = load(name);
	struct proc_status st = { 0 };

	CU_ASSERT_EQUAL_FATAL(status_parse(text.s, text.len, &st, &err), 0);
	free((char *)text.s);
	return st;
}

static void captured(void)
{
	struct proc_status st = parsed("status-6.18");

	CU_ASSERT_EQUAL(st.state, 'S');
	CU_ASSERT_EQUAL(st.umask, 022);
	CU_ASSERT_EQUAL(st.threads, 1);
	CU_ASSERT_EQUAL(st.nspid_depth, 1);
	CU_ASSERT_EQUAL(st.nspid[0], st.pid);
	CU_ASSERT_EQUAL(st.cap_bnd, 0x1fffeffffff);
	CU_ASSERT_EQUAL(st.ngroups, 0);
	CU_ASSERT_EQUAL(st.thp_enabled, 1);
	CU_ASSERT_EQUAL(st.untag_mask, UINT64_MAX);
	CU_ASSERT_EQUAL(st.store_bypass, STATUS_SPEC_ALWAYS_ENABLED);
	CU_ASSERT_EQUAL(st.indirect_branch, STATUS_SPEC_ALWAYS_ENABLED);
	CU_ASSERT(status_has(&st, STATUS_IBP));
	CU_ASSERT_FALSE(status_has(&st, STATUS_X86_FEATURES));
	/* All but the two lines of shadow stacks. */
	CU_ASSERT_EQUAL(st.seen, (1ULL << STATUS_X86_FEATURES) - 1);
	status_deinit(&st);
}

static void old_kernel(void)
{
	struct proc_status st = parsed("status-5.10");

	CU_ASSERT_EQUAL(st.state, 'T');
	CU_ASSERT_EQUAL(st.umask, 027);
	CU_ASSERT_EQUAL(st.tgid, 812);
	CU_ASSERT_EQUAL(st.pid, 815);
	CU_ASSERT_EQUAL(st.ppid, 800);
	CU_ASSERT_EQUAL(st.tracer_pid, 901);
	for (uint32_t i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(st.uid[i], 1000 + i);
	CU_ASSERT_EQUAL(st.gid[0], 100);
	CU_ASSERT_EQUAL(st.gid[3], 4294967294);
	CU_ASSERT_EQUAL_FATAL(st.ngroups, 5);
	CU_ASSERT_EQUAL(st.groups[0], 4);
	CU_ASSERT_EQUAL(st.groups[4], 4294967294);
	CU_ASSERT_EQUAL(st.threads, 2);
	CU_ASSERT_EQUAL(st.sig_pending, 0x200);
	CU_ASSERT_EQUAL(st.shd_pending, 0x4000);
	CU_ASSERT_EQUAL(st.sig_blocked, 0x10000);
	CU_ASSERT_EQUAL(st.sig_ignored, 0x380004);
	CU_ASSERT_EQUAL(st.sig_caught, 0x800000004b817efb);
	CU_ASSERT_EQUAL(st.cap_prm, 0x400);
	CU_ASSERT_EQUAL(st.cap_amb, 0x400);
	CU_ASSERT_EQUAL(st.no_new_privs, 1);
	CU_ASSERT_EQUAL(st.seccomp, 2);
	CU_ASSERT_EQUAL(st.seccomp_filters, 3);
	CU_ASSERT_EQUAL(st.store_bypass, STATUS_SPEC_FORCE_DISABLED);
	CU_ASSERT_EQUAL(st.indirect_branch, STATUS_SPEC_UNKNOWN);
	CU_ASSERT_FALSE(status_has(&st, STATUS_IBP));
	CU_ASSERT_FALSE(status_has(&st, STATUS_THP_ENABLED));
	CU_ASSERT_FALSE(status_has(&st, STATUS_UNTAG_MASK));
	status_deinit(&st);
}

static void nested(void)
{
	struct proc_status st = parsed("status-nested");

	CU_ASSERT_EQUAL(st.uid[0], 0);
	CU_ASSERT_EQUAL_FATAL(st.nspid_depth, 3);
	CU_ASSERT_EQUAL(st.nspid[0], 9121);
	CU_ASSERT_EQUAL(st.nspid[1], 58);
	CU_ASSERT_EQUAL(st.nspid[2], 2);
	CU_ASSERT_EQUAL(st.nstgid, 1);
	CU_ASSERT_EQUAL(st.nspgid, 1);
	CU_ASSERT_EQUAL(st.nssid, 1);
	CU_ASSERT_EQUAL(st.untag_mask, INT64_MAX);
	CU_ASSERT_EQUAL(st.indirect_branch, STATUS_SPEC_ENABLED);
	CU_ASSERT_STRING_EQUAL(st.x86_features, "shstk wrss ");
	CU_ASSERT_STRING_EQUAL(st.x86_locked, "shstk ");
	status_deinit(&st);
}

/* What one task had must not show in the next. */
static void used_again(void)
{
	struct proc_text one = load("status-5.10"), two = load("status-6.18");
	struct proc_status st = { 0 };

	CU_ASSERT_EQUAL(status_parse(one.s, one.len, &st, &err), 0);
	CU_ASSERT_EQUAL(status_parse(two.s, two.len, &st, &err), 0);
	CU_ASSERT_EQUAL(st.ngroups, 0);
	CU_ASSERT_EQUAL(st.tracer_pid, 0);
	CU_ASSERT_EQUAL(status_parse(one.s, one.len, &st, &err), 0);
	CU_ASSERT_FALSE(status_has(&st, STATUS_IBP));
	CU_ASSERT_EQUAL(st.thp_enabled, 0);
	status_deinit(&st);
	free((char *)one.s);
	free((char *)two.s);
}

static void many_groups(void)
{
	struct proc_status st = { 0 };
	size_t len = 8, n = 65536;
	char *text = malloc(n * 7 + 16);
	bool same = true;

	strcpy(text, "Groups:\t");
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(text + len, "%zu ", i);
	CU_ASSERT_EQUAL(status_parse(text, len, &st, &err), 0);
	CU_ASSERT_EQUAL_FATAL(st.ngroups, n);
	for (size_t i = 0; i < n; i++)
		same = same && st.groups[i] == i;
	CU_ASSERT(same);
	status_deinit(&st);
	free(text);
}

static void malformed(void)
{
	static const char *const bad[] = { "Tgid:\t\n", "Uid:\t1\t2\t3\n",
		"Groups:\t1 x\n", "NSpid:\t1\t-\n", "SigPnd:\tzz\n", "State:\t\n" };
	struct proc_status st = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(status_parse(bad[i], strlen(bad[i]), &st, &err), -EINVAL);
	CU_ASSERT_EQUAL(status_parse("", 0, &st, &err), 0);
	CU_ASSERT_EQUAL(st.seen, 0);
	status_deinit(&st);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_status st = { 0 };
	int ret = status_parse(text, len, &st, &err);

	CU_ASSERT(ret == 0 || ret == -EINVAL);
	status_deinit(&st);
}

static void truncated(void)
{
	struct proc_text text = load("status-nested");

	each_prefix(text, parse_any);
	free((char *)text.s);
}

static void own(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_status st = { 0 };

	CU_ASSERT_EQUAL_FATAL(status_read(dir, &buf, &st, &err), 0);
	CU_ASSERT_EQUAL(st.pid, getpid());
	CU_ASSERT_EQUAL(st.ppid, getppid());
	CU_ASSERT_EQUAL(st.state, 'R');
	CU_ASSERT_EQUAL(st.uid[1], geteuid());
	status_deinit(&st);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "captured text", captured },
		{ "old kernel", old_kernel },
		{ "nested pid namespaces", nested },
		{ "one struct for many tasks", used_again },
		{ "65536 groups", many_groups },
		{ "malformed lines", malformed },
		{ "truncated text", truncated },
		{ "own process", own },
	};

	return RUN_TESTS("status", tests);
}
