// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX locks on the edges of what a range can be: the first byte, beyond 4 GiB, the
 * last byte of all, to the end; neighbours of both types; a hundred of them, which a
 * second open file cuts.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lock.h"

#define MANY 100

static const struct {
	int type;
	off_t start, length; /* 0: to the end */
} range[] = {
	{ F_WRLCK, 0, 1 },
	{ F_RDLCK, 1, 1 },
	{ F_WRLCK, 0x7fffffff, 2 },
	{ F_RDLCK, 0x123456789a, 0x1000000000 },
	{ F_WRLCK, INT64_MAX - 10, 4 },
	{ F_WRLCK, INT64_MAX, 1 },
};
#define N ((int)(sizeof(range) / sizeof(range[0])))

static int fd, to_end;

static const char *expected(void)
{
	static char text[512];
	int n = 0;

	for (int i = 0; i < N; i++) {
		n += sprintf(text + n, "POSIX %s %ld ",
			range[i].type == F_WRLCK ? "WRITE" : "READ", range[i].start);
		n += range[i].start == INT64_MAX
			     ? sprintf(text + n, "EOF\n")
			     : sprintf(text + n, "%ld\n",
				       range[i].start + range[i].length - 1);
	}
	return text;
}

/* A child owns none of them: it asks for the other's. */
static int seen(int file, off_t at, int type, off_t start, off_t length)
{
	int t, status;
	off_t s, l;
	pid_t pid = must(fork());

	if (!pid) {
		pid_t by = test_lock_against(file, F_GETLK, F_WRLCK, at, 1, &t, &s, &l);

		if (by != getppid() || t != type || s != start || l != length)
			_exit(fail("at %ld: type %d from %ld, length %ld, held by %d", at,
				t, s, l, by));
		_exit(0);
	}
	must(waitpid(pid, &status, 0));
	return status;
}

static int check_many(int file, int other)
{
	static char all[8192];
	int lines = 0;

	snprintf(all, sizeof(all), "%s%s", test_locks(getpid(), file, false), "");
	snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s",
		test_locks(getpid(), other, false));
	for (char *c = all; *c; c++)
		lines += *c == '\n';
	if (lines != MANY)
		return fail("%d locks instead of %d:\n%s", lines, MANY, all);
	for (int i = 0; i < MANY; i++) {
		char line[64];

		snprintf(line, sizeof(line), "POSIX %s %d %d\n", i % 3 ? "READ" : "WRITE",
			10 * i, 10 * i + 4);
		if (!strstr(all, line))
			return fail("no %s", line);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int many, other;

	test_init(argc, argv);
	fd = must(open(test_file("edges"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	to_end = must(open(test_file("end"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	many = must(open(test_file("many"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	other = must(open(test_file("many"), O_RDWR));
	for (int i = 0; i < N; i++)
		must(test_lock(
			fd, F_SETLK, range[i].type, range[i].start, range[i].length));
	must(test_lock(to_end, F_SETLK, F_RDLCK, 5000000000, 0));
	/* One lock from both ends, cut by holes. */
	for (int i = 0; i < MANY; i++)
		must(test_lock(i % 2 ? other : many, F_SETLK, i % 3 ? F_RDLCK : F_WRLCK,
			10 * i, 5));

	test_daemon();
	test_waitsig();
	sabotage("first", test_lock(fd, F_SETLK, F_UNLCK, 0, 1));
	sabotage("last", test_lock(fd, F_SETLK, F_UNLCK, INT64_MAX, 1));
	sabotage("type", test_lock(fd, F_SETLK, F_WRLCK, 1, 1));
	sabotage("end", test_lock(to_end, F_SETLK, F_UNLCK, INT64_MAX - 1, 0));
	sabotage("one", test_lock(many, F_SETLK, F_UNLCK, 500, 5));
	sabotage("cut", test_lock(many, F_SETLK, F_UNLCK, 504, 1));
	if (strcmp(test_locks(getpid(), fd, false), expected()))
		return fail("the edges:\n%sand not\n%s", test_locks(getpid(), fd, false),
			expected());
	if (strcmp(test_locks(getpid(), to_end, false), "POSIX READ 5000000000 EOF\n"))
		return fail("to the end: %s", test_locks(getpid(), to_end, false));
	if (seen(fd, 0, F_WRLCK, 0, 1) ||
		seen(fd, 0x2000000000, F_RDLCK, 0x123456789a, 0x1000000000))
		return 1;
	if (seen(fd, INT64_MAX, F_WRLCK, INT64_MAX, 0) ||
		seen(to_end, INT64_MAX, F_RDLCK, 5000000000, 0))
		return 1;
	if (check_many(many, other))
		return 1;
	pass();
	return 0;
}
