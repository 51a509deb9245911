// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks of open files on ranges (F_OFD_SETLK): two open files of one process lock out
 * each other, a duplicate shares, a child that inherits keeps it.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lock.h"

static int fd, copy, other;

static int child(void *arg)
{
	close(fd);
	close(other);
	test_child_ready();
	test_waitsig();
	/* The same open file: no lock against oneself, and this one widens it. */
	if (test_lock(copy, F_OFD_SETLK, F_WRLCK, 100, 200))
		return fail("the inherited file cannot lock its own range: %m");
	return 0;
}

static int lines(int file, const char *expected)
{
	const char *got = test_locks(getpid(), file, true);

	return strcmp(got, expected) ? fail("fd %d: %s and not %s", file, got, expected)
				     : 0;
}

static int against(int file, off_t at, int type, off_t start, off_t length)
{
	int t;
	off_t s, l;
	pid_t by = test_lock_against(file, F_OFD_GETLK, F_WRLCK, at, 1, &t, &s, &l);

	if (type == F_UNLCK)
		return by ? fail("byte %ld is locked against fd %d", at, file) : 0;
	if (by != -1 || t != type || s != start || l != length)
		return fail("byte %ld: type %d from %ld, length %ld, held by %d", at, t,
			s, l, by);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	copy = must(dup(fd));
	other = must(open(test_file("file"), O_RDWR));
	must(test_lock(copy, F_OFD_SETLK, F_WRLCK, 100, 100));
	must(test_lock(other, F_OFD_SETLK, F_WRLCK, 0x200000000, 0));
	must(test_lock(fd, F_OFD_SETLK, F_RDLCK, 50, 1));
	must(test_lock(other, F_OFD_SETLK, F_RDLCK, 50, 2));
	pid = test_fork(child, NULL);

	test_daemon();
	test_waitsig();
	sabotage("gone", test_lock(fd, F_OFD_SETLK, F_UNLCK, 100, 100));
	sabotage("posix", test_lock(fd, F_OFD_SETLK, F_UNLCK, 100, 100);
		 test_lock(fd, F_SETLK, F_WRLCK, 100, 100));
	sabotage("range", test_lock(other, F_OFD_SETLK, F_UNLCK, INT64_MAX, 0));
	sabotage("type", test_lock(other, F_OFD_SETLK, F_RDLCK, 0x200000000, 0));
	sabotage("inherited", fd = must(open(test_file("file"), O_RDWR)); dup2(fd, copy);
		 test_lock(fd, F_OFD_SETLK, F_WRLCK, 100, 100));
	if (lines(fd, "OFDLCK READ -1 50 50\nOFDLCK WRITE -1 100 199\n") ||
		lines(copy, "OFDLCK READ -1 50 50\nOFDLCK WRITE -1 100 199\n") ||
		lines(other, "OFDLCK READ -1 50 51\nOFDLCK WRITE -1 8589934592 EOF\n"))
		return 1;
	if (against(other, 150, F_WRLCK, 100, 100) ||
		against(copy, INT64_MAX, F_WRLCK, 0x200000000, 0) ||
		against(copy, 50, F_RDLCK, 50, 2) || against(copy, 150, F_UNLCK, 0, 0))
		return 1;
	if (!test_lock(other, F_OFD_SETLK, F_RDLCK, 199, 1) || errno != EAGAIN)
		return fail("the other open file gets a locked byte");
	if (test_join(pid))
		return 1;
	if (against(other, 250, F_WRLCK, 100, 200))
		return 1;
	must(close(fd));
	if (against(other, 150, F_WRLCK, 100, 200))
		return fail("closing one of two");
	must(close(copy));
	if (against(other, 150, F_UNLCK, 0, 0))
		return 1;
	pass();
	return 0;
}
