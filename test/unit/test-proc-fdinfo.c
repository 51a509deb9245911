// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/fdinfo: the common head, the lines below it, and our own files. */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "crl/proc/fdinfo.h"
#include "crl/proc/file.h"
#include "proc/load.h"

static struct err err;

static void inotify(void)
{
	struct proc_text text = load("fdinfo-inotify");
	struct fdinfo_line line;
	struct proc_fdinfo info;
	uint64_t number;

	CU_ASSERT_EQUAL_FATAL(fdinfo_parse(text.s, text.len, &info, &err), 0);
	CU_ASSERT_EQUAL(info.pos, 0);
	CU_ASSERT_EQUAL(info.flags, 02004000);
	CU_ASSERT_EQUAL(info.mnt_id, 15);
	CU_ASSERT(info.has_ino);
	CU_ASSERT_EQUAL(info.ino, 1063);
	CU_ASSERT_FATAL(fdinfo_next(&info.rest, &line));
	CHECK_TEXT(line.key, "lock");
	CHECK_TEXT(line.value, "1: FLOCK  ADVISORY  WRITE 362 00:0f:1063 0 EOF");
	CU_ASSERT_FATAL(fdinfo_next(&info.rest, &line));
	CHECK_TEXT(line.key, "inotify");
	CU_ASSERT(fdinfo_number(line.value, "wd", 10, &number) && number == 3);
	CU_ASSERT(fdinfo_number(line.value, "ino", 16, &number) && number == 0x9e7e);
	/* "ignored_mask" ends in the name of the field before it. */
	CU_ASSERT(fdinfo_number(line.value, "mask", 16, &number));
	CU_ASSERT_EQUAL(number, 0x800afce);
	CU_ASSERT(fdinfo_number(line.value, "ignored_mask", 16, &number) && number == 0);
	CU_ASSERT_FALSE(fdinfo_number(line.value, "handle", 16, &number));
	CU_ASSERT_FATAL(fdinfo_next(&info.rest, &line));
	CU_ASSERT(fdinfo_number(line.value, "wd", 10, &number) && number == 2);
	CU_ASSERT_FALSE(fdinfo_next(&info.rest, &line));
	free((char *)text.s);
}

static void epoll_old(void)
{
	struct proc_text text = load("fdinfo-epoll-5.10");
	struct fdinfo_line line;
	struct proc_fdinfo info;
	uint64_t number;

	CU_ASSERT_EQUAL_FATAL(fdinfo_parse(text.s, text.len, &info, &err), 0);
	CU_ASSERT_EQUAL(info.pos, -1);
	CU_ASSERT_EQUAL(info.mnt_id, -14);
	CU_ASSERT_FALSE(info.has_ino);
	CU_ASSERT_FATAL(fdinfo_next(&info.rest, &line));
	CHECK_TEXT(line.key, "tfd");
	CU_ASSERT(fdinfo_number(line.value, NULL, 10, &number) && number == 5);
	CU_ASSERT(fdinfo_number(line.value, "events", 16, &number) && number == 0x1d);
	CU_ASSERT(fdinfo_number(line.value, "data", 16, &number));
	CU_ASSERT_EQUAL(number, UINT64_MAX);
	CU_ASSERT(fdinfo_number(line.value, "sdev", 16, &number) && number == 7);
	free((char *)text.s);
}

static void parse_any(const char *text, size_t len)
{
	struct fdinfo_line line;
	struct proc_fdinfo info;
	uint64_t number;
	int ret = fdinfo_parse(text, len, &info, &err);

	CU_ASSERT(ret == 0 || ret == -EINVAL);
	while (ret == 0 && fdinfo_next(&info.rest, &line))
		fdinfo_number(line.value, "fhandle-bytes", 16, &number);
}

static void malformed(void)
{
	static const char bad[] = "pos:\t0\nmnt_id:\t3\n";
	struct proc_text text = load("fdinfo-inotify");
	struct proc_fdinfo info;

	each_prefix(text, parse_any);
	CU_ASSERT_EQUAL(fdinfo_parse(bad, sizeof(bad) - 1, &info, &err), -EINVAL);
	CU_ASSERT_EQUAL(fdinfo_parse("", 0, &info, &err), -EINVAL);
	free((char *)text.s);
}

static void own(void)
{
	int dir = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY);
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int event = eventfd(0xbeef, EFD_NONBLOCK);
	PROC_BUF_AUTO buf = { 0 };
	struct fdinfo_line line;
	struct proc_fdinfo info;
	uint64_t number;

	lseek(file, 4321, SEEK_SET);
	CU_ASSERT_EQUAL_FATAL(fdinfo_read(dir, file, &buf, &info, &err), 0);
	CU_ASSERT_EQUAL(info.pos, 4321);
	CU_ASSERT_EQUAL(info.flags & (O_CLOEXEC | O_ACCMODE), O_CLOEXEC | O_RDONLY);
	CU_ASSERT_EQUAL(fdinfo_read(dir, event, &buf, &info, &err), 0);
	CU_ASSERT(info.flags & O_NONBLOCK);
	CU_ASSERT_FATAL(fdinfo_next(&info.rest, &line));
	CHECK_TEXT(line.key, "eventfd-count");
	CU_ASSERT(fdinfo_number(line.value, NULL, 16, &number) && number == 0xbeef);
	close(event);
	CU_ASSERT_EQUAL(fdinfo_read(dir, event, &buf, &info, &err), -ENOENT);
	close(file);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "inotify and a lock", inotify },
		{ "epoll of an old kernel", epoll_old },
		{ "malformed text", malformed },
		{ "own files", own },
	};

	return RUN_TESTS("fdinfo", tests);
}
