// SPDX-License-Identifier: GPL-2.0-only
/* Lines of /proc/locks and of fdinfo: all kinds, malformed ones, conflicts, and our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crl/proc/fdinfo.h"
#include "crl/proc/file.h"
#include "crl/proc/lock.h"
#include "proc/load.h"

static struct err err;

static const struct proc_lock expected[] = {
	{ PROC_LOCK_POSIX, true, false, false, 7748, 0xfe, 0, 11051016, 10, 49, { 0 } },
	{ PROC_LOCK_POSIX, false, false, true, 7750, 0xfe, 0, 11051016, 40, INT64_MAX,
		{ 0 } },
	{ PROC_LOCK_OFD, false, false, false, -1, 0xfe, 0, 11051016, 1000, 1000, { 0 } },
	{ PROC_LOCK_FLOCK, true, false, false, 0, 0, 0x1b, 618059, 0, INT64_MAX, { 0 } },
	{ PROC_LOCK_LEASE, true, false, false, 7748, 0x103, 10, UINT64_MAX, 0, INT64_MAX,
		{ 0 } },
	{ PROC_LOCK_LEASE, false, true, false, 7748, 0xfe, 0, 11051017, 0, INT64_MAX,
		{ 0 } },
	{ PROC_LOCK_LEASE, false, true, false, 7748, 0xfe, 0, 11051017, 0, INT64_MAX,
		{ 0 } },
	{ PROC_LOCK_OTHER, false, false, false, 7748, 0xfe, 0, 11051017, 0, INT64_MAX,
		{ 0 } },
	{ PROC_LOCK_OTHER, false, false, false, 7748, 0xfe, 0, 11051017, 0, INT64_MAX,
		{ 0 } },
	{ PROC_LOCK_OTHER, false, false, false, 7748, 0xfe, 0, 11051017, 0, INT64_MAX,
		{ 0 } },
	{ PROC_LOCK_POSIX, true, false, false, 7748, 0xfe, 0, 11051016, INT64_MAX,
		INT64_MAX, { 0 } },
	{ PROC_LOCK_OTHER, false, false, false, 7748, 0xfe, 0, 11051016, 0, INT64_MAX,
		{ 0 } },
};
#define N (sizeof(expected) / sizeof(expected[0]))

static struct proc_text line(struct proc_text *rest)
{
	const char *end = memchr(rest->s, '\n', rest->len);
	struct proc_text all = { rest->s, end - rest->s };

	*rest = (struct proc_text){ end + 1, rest->len - all.len - 1 };
	return all;
}

static void kinds(void)
{
	struct proc_text text = load("locks"), rest = text;

	for (size_t i = 0; i < N; i++) {
		struct proc_lock l;

		CU_ASSERT_FATAL(rest.len > 0);
		CU_ASSERT_EQUAL_FATAL(lock_parse(line(&rest), &l, &err), 0);
		CU_ASSERT(lock_same(&l, &expected[i]));
		CU_ASSERT_EQUAL(l.breaking, expected[i].breaking);
		CU_ASSERT(l.what.len > 20 && l.what.s[l.what.len] == '\n');
		CU_ASSERT_FALSE(i < 5 && lock_same(&l, &expected[i + 1]));
	}
	CU_ASSERT_EQUAL(rest.len, 0);
	free((char *)text.s);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_lock l;
	int ret = lock_parse((struct proc_text){ text, len }, &l, &err);

	CU_ASSERT(ret == 0 || ret == -EINVAL);
}

static void malformed(void)
{
	static const char *const bad[] = { "", "1:", "1: POSIX",
		"1: POSIX ADVISORY WRITE", "1: POSIX ADVISORY WRITE 7 <none>:0 0 EOF",
		"POSIX ADVISORY WRITE 7 1:2:3 0 EOF", "1: POSIX ADVISORY WRITE 7 1:2:3 0",
		"1: POSIX ADVISORY WRITE 7 1:2:3 0 END" };
	struct proc_text text = load("locks");
	struct proc_lock l;

	each_prefix(text, parse_any);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(lock_parse((struct proc_text){ bad[i], strlen(bad[i]) },
					&l, &err),
			-EINVAL);
	free((char *)text.s);
}

static struct proc_lock one(
	enum proc_lock_kind kind, bool write, int64_t start, int64_t end)
{
	return (struct proc_lock){
		.kind = kind, .write = write, .start = start, .end = end
	};
}

static bool against(struct proc_lock a, struct proc_lock b)
{
	CU_ASSERT_EQUAL(lock_conflict(&a, &b), lock_conflict(&b, &a));
	return lock_conflict(&a, &b);
}

static void conflicts(void)
{
	const enum proc_lock_kind POSIX = PROC_LOCK_POSIX, OFD = PROC_LOCK_OFD,
				  FLOCK = PROC_LOCK_FLOCK;
	struct proc_lock write = one(POSIX, true, 100, 199), waits = write;

	CU_ASSERT(against(write, one(POSIX, false, 199, 300)));
	CU_ASSERT(against(write, one(OFD, true, 0, 100)));
	CU_ASSERT(against(write, one(OFD, false, 0, PROC_LOCK_EOF)));
	CU_ASSERT_FALSE(against(write, one(POSIX, true, 200, PROC_LOCK_EOF)));
	CU_ASSERT_FALSE(against(write, one(POSIX, true, 0, 99)));
	CU_ASSERT_FALSE(against(write, one(FLOCK, true, 0, PROC_LOCK_EOF)));
	CU_ASSERT_FALSE(against(one(OFD, false, 0, 9), one(POSIX, false, 0, 9)));
	CU_ASSERT(against(one(FLOCK, false, 0, 9), one(FLOCK, true, 0, 9)));
	CU_ASSERT_FALSE(against(one(FLOCK, false, 0, 9), one(FLOCK, false, 0, 9)));
	waits.waits = true;
	CU_ASSERT_FALSE(against(write, waits));
}

static void own(void)
{
	struct flock fl = { .l_type = F_WRLCK, .l_start = 7, .l_len = 3 };
	int dir = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY);
	int file = memfd_create("lock", MFD_CLOEXEC);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_fdinfo info;
	struct proc_lock l;
	unsigned seen = 0;

	CU_ASSERT_EQUAL_FATAL(fcntl(file, F_SETLK, &fl), 0);
	CU_ASSERT_EQUAL_FATAL(flock(file, LOCK_SH), 0);
	CU_ASSERT_EQUAL_FATAL(fdinfo_read(dir, file, &buf, &info, &err), 0);
	while (lock_next(&info.rest, &l, &err) > 0) {
		CU_ASSERT_EQUAL(l.pid, getpid());
		seen |= 1u << l.kind;
		CU_ASSERT_EQUAL(l.write, l.kind == PROC_LOCK_POSIX);
		CU_ASSERT_EQUAL(l.start, l.write ? 7 : 0);
		CU_ASSERT_EQUAL(l.end, l.write ? 9 : PROC_LOCK_EOF);
	}
	CU_ASSERT_EQUAL(seen, 1u << PROC_LOCK_POSIX | 1u << PROC_LOCK_FLOCK);
	close(file);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "all kinds", kinds },
		{ "malformed lines", malformed },
		{ "who is in whose way", conflicts },
		{ "our own", own },
	};

	return RUN_TESTS("lock", tests);
}
