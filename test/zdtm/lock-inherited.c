// SPDX-License-Identifier: GPL-2.0-only
/*
 * A flock lock goes with its open file through fork: from a parent that has it still,
 * from one that has closed it, and from one that is dead; and to a parent from a child
 * that took it. The kernel goes on to say who took it, where that one has the file.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lock.h"

enum { KEPT, CLOSED, ORPHANED, BELOW, N };

static int fd[N];

static const char *path(int i)
{
	char name[16];

	snprintf(name, sizeof(name), "file-%d", i);
	return test_file(name);
}

static bool locked(int i)
{
	int other = must(open(path(i), O_RDONLY | O_CLOEXEC));
	int ret = flock(other, LOCK_SH | LOCK_NB);

	close(other);
	return ret && errno == EWOULDBLOCK;
}

static int taker(int i)
{
	int pid = 0;

	sscanf(test_locks(getpid(), fd[i], true), "FLOCK WRITE %d 0 EOF", &pid);
	return pid;
}

static int child(void *arg)
{
	must(flock(fd[BELOW], LOCK_EX));
	test_child_ready();
	test_waitsig();
	sabotage("not-inherited", dup2(must(open(path(CLOSED), O_RDWR)), fd[CLOSED]));
	sabotage("taken-here", flock(fd[KEPT], LOCK_SH); flock(fd[KEPT], LOCK_EX));
	for (int i = 0; i < N; i++)
		if (!locked(i) || !taker(i))
			return fail(
				"file %d is not locked, or not by the child's open file",
				i);
	if (taker(KEPT) != getppid())
		return fail("%d is said to have locked the file, instead of %d",
			taker(KEPT), getppid());
	if (taker(BELOW) != getpid())
		return fail("%d is said to have locked the file, instead of %d",
			taker(BELOW), getpid());
	/* The lock is that of the parent: one of them is enough to end it. */
	must(flock(fd[KEPT], LOCK_UN));
	must(close(fd[CLOSED]));
	if (locked(KEPT) || locked(CLOSED) || !locked(ORPHANED) || !locked(BELOW))
		return fail("after unlocking one and closing one: %d %d %d %d",
			locked(KEPT), locked(CLOSED), locked(ORPHANED), locked(BELOW));
	return 0;
}

static int locker(void *arg)
{
	must(flock(fd[ORPHANED], LOCK_EX));
	test_child_ready();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	for (int i = 0; i < N; i++)
		fd[i] = must(open(path(i), O_RDWR | O_CREAT | O_TRUNC, 0600));
	if (test_reap(test_fork(locker, NULL)))
		return fail("the one that locks and dies");
	must(flock(fd[KEPT], LOCK_EX));
	must(flock(fd[CLOSED], LOCK_EX));
	pid = test_fork(child, NULL);
	must(close(fd[CLOSED]));

	test_daemon();
	test_waitsig();
	if (!locked(KEPT) || !locked(CLOSED) || !locked(ORPHANED) || !locked(BELOW))
		return fail("a lock is gone: %d %d %d %d", locked(KEPT), locked(CLOSED),
			locked(ORPHANED), locked(BELOW));
	if (test_join(pid))
		return 1;
	if (!locked(ORPHANED) || !locked(BELOW))
		return fail("the child's end has unlocked our files");
	must(flock(fd[ORPHANED], LOCK_UN));
	if (locked(ORPHANED))
		return fail("somebody else holds the lock");
	pass();
	return 0;
}
