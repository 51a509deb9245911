// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX locks belong to a process: a write lock and a read lock, seen by another process
 * with range, type and holder. A child that has the same open file holds its own. The
 * file is open under a second number, in a second open file that locks too, and a
 * waiter gets its lock when it is released.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lock.h"
#include "task.h"

static int fd, copy, again;
static pid_t parent;

static int child(void *arg)
{
	must(test_lock(fd, F_SETLK, F_WRLCK, 1000, 10));
	test_child_ready();
	test_waitsig();
	return 0; /* the parent has asked for the lock by now */
}

/* Takes what the parent has, in a call that waits. */
static int waiter(void *arg)
{
	test_child_ready();
	while (test_lock(again, F_SETLKW, F_WRLCK, 100, 1))
		if (errno != EINTR)
			return fail("waiting for the lock: %m");
	if (!test_signalled())
		return fail("got the lock while its holder was dumped");
	return 0;
}

/* Asked by a process that owns nothing. */
static int held(int cmd_type, off_t at, pid_t who, int type, off_t start, off_t length)
{
	int t, status;
	off_t s, l;
	pid_t pid = must(fork());

	if (!pid) {
		pid_t by = test_lock_against(again, F_GETLK, cmd_type, at, 1, &t, &s, &l);

		if (by != who || (who && (t != type || s != start || l != length)))
			_exit(fail("byte %ld: type %d from %ld, length %ld, held by %d",
				(long)at, t, (long)s, (long)l, by));
		_exit(0);
	}
	must(waitpid(pid, &status, 0));
	return status;
}

static int check(pid_t holder)
{
	if (held(F_RDLCK, 150, parent, F_WRLCK, 100, 100))
		return 1;
	if (held(F_WRLCK, 300, parent, F_RDLCK, 300, 1) || held(F_RDLCK, 300, 0, 0, 0, 0))
		return 1;
	if (held(F_RDLCK, 500, parent, F_WRLCK, 500, 20))
		return 1;
	if (held(F_WRLCK, 99, 0, 0, 0, 0) || held(F_WRLCK, 200, 0, 0, 0, 0))
		return 1;
	return held(F_RDLCK, 1009, holder, F_WRLCK, 1000, 10);
}

int main(int argc, char **argv)
{
	pid_t holder, waits;

	test_init(argc, argv);
	parent = getpid();
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	copy = must(dup(fd));
	again = must(open(test_file("file"), O_RDWR));
	must(test_lock(copy, F_SETLK, F_WRLCK, 100, 100));
	must(test_lock(fd, F_SETLK, F_RDLCK, 300, 1));
	must(test_lock(again, F_SETLK, F_WRLCK, 500, 20));
	holder = test_fork(child, NULL);
	waits = test_fork(waiter, NULL);
	test_wait_syscall(waits, SYS_fcntl);
	test_daemon();
	test_waitsig();
	sabotage("child", kill(holder, SIGKILL); test_reap(holder));
	sabotage("gone", test_lock(fd, F_SETLK, F_UNLCK, 100, 100));
	sabotage("weaker", test_lock(fd, F_SETLK, F_RDLCK, 100, 100));
	sabotage("stronger", test_lock(fd, F_SETLK, F_WRLCK, 300, 1));
	sabotage("longer", test_lock(fd, F_SETLK, F_WRLCK, 100, 101));
	sabotage("second", test_lock(fd, F_SETLK, F_UNLCK, 500, 20));
	if (check(holder))
		return 1;
	if (test_join(holder))
		return 1;
	must(kill(waits, SIGTERM));
	test_wait_syscall(waits, SYS_fcntl);
	must(close(copy)); /* drops all of ours on the file */
	if (held(F_WRLCK, 150, 0, 0, 0, 0) || held(F_WRLCK, 500, 0, 0, 0, 0))
		return fail("locks survive a close");
	if (test_reap(waits))
		return fail("the waiter");
	pass();
	return 0;
}
