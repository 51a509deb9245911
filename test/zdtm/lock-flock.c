// SPDX-License-Identifier: GPL-2.0-only
/*
 * flock locks belong to an open file: exclusive and shared ones, on a file that is mapped
 * too, a directory and a pipe, under a duplicate; two shared ones on one file; and a
 * child that waits for one.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lock.h"
#include "task.h"

static const char *exclusive, *shared;

/* Could a new open file have this lock? */
static bool free_for(const char *path, int how)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC));
	int ret = flock(fd, how | LOCK_NB);

	if (ret && errno != EWOULDBLOCK)
		exit(fail("flock: %m"));
	close(fd);
	return !ret;
}

static int waiter(void *arg)
{
	int fd = must(open(exclusive, O_RDONLY));

	test_child_ready();
	while (flock(fd, LOCK_SH))
		if (errno != EINTR)
			return fail("wait for the lock: %m");
	return test_signalled() ? 0 : fail("got the lock while its holder was dumped");
}

static int lines(int fd, const char *expected)
{
	const char *got = test_locks(getpid(), fd, false);

	return strcmp(got, expected) ? fail("fd %d: %s and not %s", fd, got, expected)
				     : 0;
}

int main(int argc, char **argv)
{
	int fd, copy, one, two, dir, ends[2];
	pid_t pid;
	void *map;

	test_init(argc, argv);
	exclusive = test_file("exclusive");
	shared = test_file("shared");
	fd = must(open(exclusive, O_RDWR | O_CREAT | O_TRUNC, 0600));
	copy = must(dup(fd));
	one = must(open(shared, O_RDWR | O_CREAT | O_TRUNC, 0600));
	two = must(open(shared, O_RDONLY));
	dir = must(open(test_file(NULL), O_RDONLY | O_DIRECTORY));
	must(pipe(ends));
	must(ftruncate(fd, PAGE));
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(map == MAP_FAILED ? -1 : 0);
	must(flock(copy, LOCK_EX));
	must(flock(one, LOCK_SH));
	must(flock(two, LOCK_SH));
	must(flock(dir, LOCK_EX));
	must(flock(ends[1], LOCK_EX));
	pid = test_fork(waiter, NULL);
	test_wait_syscall(pid, SYS_flock);

	test_daemon();
	test_waitsig();
	sabotage("gone", flock(fd, LOCK_UN); flock(dir, LOCK_UN));
	sabotage("weaker", flock(dir, LOCK_SH));
	sabotage("one-of-two", flock(two, LOCK_UN));
	sabotage("stronger", flock(two, LOCK_UN); flock(one, LOCK_EX));
	sabotage("pipe", flock(ends[1], LOCK_UN));
	if (lines(fd, "FLOCK WRITE 0 EOF\n") || lines(copy, "FLOCK WRITE 0 EOF\n") ||
		lines(one, "FLOCK READ 0 EOF\n") || lines(two, "FLOCK READ 0 EOF\n") ||
		lines(dir, "FLOCK WRITE 0 EOF\n"))
		return 1;
	if (lines(ends[1], "FLOCK WRITE 0 EOF\n") || lines(ends[0], ""))
		return 1;
	if (free_for(exclusive, LOCK_SH) || free_for(test_file(NULL), LOCK_SH))
		return fail("somebody else gets an exclusive lock");
	if (free_for(shared, LOCK_EX) || !free_for(shared, LOCK_SH))
		return fail("the shared lock is not shared, or not locked");
	must(flock(one, LOCK_UN));
	if (free_for(shared, LOCK_EX))
		return fail("the second open file held no lock of its own");
	must(flock(two, LOCK_UN));
	if (!free_for(shared, LOCK_EX))
		return fail("unlocked, and locked by somebody");
	must(kill(pid, SIGTERM));
	must(flock(fd, LOCK_UN)); /* the duplicate's too */
	if (test_reap(pid))
		return fail("the waiter");
	pass();
	return 0;
}
