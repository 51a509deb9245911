// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks of files, at restore (dump and theory: fd/locks.c). They are taken when all
 * tasks have all their descriptors: closing any descriptor of an inode would drop a
 * POSIX lock of that table, and opening the file once more would break a lease.
 *
 * Locks are taken by the tasks: a POSIX lock belongs to the table of descriptors of
 * the caller, and of the others the kernel notes who took them. Leases are taken by
 * crl on the task's own open file, in a table where it has the task's number, which
 * SIGIO tells: the task may have given up the privilege since (CAP_LEASE).
 *
 * No call waits. When a lock cannot be had, somebody has it who took it while the
 * tree was gone, or shared it with the tree; the restore ends and says who.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/file.h"
#include "crl/proc/lock.h"
#include "crl/puppet.h"
#include "fd/aside.h"
#include "fd/holders.h"
#include "fd/locks.h"
#include "task/cast.h"
#include "task/locks.h"

#define AT_ONCE 500

static struct flock flock_of(const FileLockEntry *e)
{
	return (struct flock){ .l_type = e->type == FILE_LOCK_WRITE ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = e->start,
		.l_len = e->len };
}

/* ---- who is in the way ---- */

struct search {
	const struct cast *cast;
	struct proc_lock wanted;
	struct stat st;
	pid_t found;
};

static bool in_cast(const struct cast *c, pid_t pid)
{
	for (size_t i = 0; i < c->snap->tasks; i++)
		if (c->snap->task[i].pid == pid)
			return true;
	return false;
}

/* A lease is refused for anybody who has the file open, or open for writing. */
static bool in_the_way(const struct search *s, const struct holder *h)
{
	struct proc_text rest = h->info.rest;
	struct proc_lock l;
	struct err odd;

	if (s->wanted.kind == PROC_LOCK_LEASE)
		return !(h->info.flags & O_PATH) &&
		       (s->wanted.write || (h->info.flags & O_ACCMODE) != O_RDONLY);
	while (lock_next(&rest, &l, &odd) > 0)
		if (lock_conflict(&s->wanted, &l))
			return true;
	return false;
}

static int blocks(void *arg, const struct holder *h)
{
	struct search *s = arg;
	char path[PROC_PATH_SIZE];
	struct stat st;

	proc_path(path, "fd/", h->fd, "");
	if (fstatat(h->proc, path, &st, 0) || st.st_dev != s->st.st_dev ||
		st.st_ino != s->st.st_ino || in_cast(s->cast, h->pid) ||
		!in_the_way(s, h))
		return 0;
	s->found = h->pid;
	return 1;
}

/* A descriptor of a task, as one of crl's own. */
static int borrow(const FileLockEntry *e)
{
	auto_fd int pidfd = pidfd_open(e->pid, 0);

	return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, e->fd, 0);
}

/* The kernel names the process of a POSIX lock also to those who may not look at it. */
static pid_t blocking_pid(const FileLockEntry *e, int fd)
{
	struct flock fl = flock_of(e);

	if ((e->flag != FILE_LOCK_POSIX && e->flag != FILE_LOCK_OFD) ||
		fcntl(fd, e->flag == FILE_LOCK_OFD ? F_OFD_GETLK : F_GETLK, &fl) ||
		fl.l_type == F_UNLCK || fl.l_pid <= 0)
		return 0;
	return fl.l_pid;
}

static pid_t find_blocker(const struct cast *c, const FileLockEntry *e)
{
	static const enum proc_lock_kind kinds[] = { [FILE_LOCK_POSIX] = PROC_LOCK_POSIX,
		[FILE_LOCK_OFD] = PROC_LOCK_OFD,
		[FILE_LOCK_FLOCK] = PROC_LOCK_FLOCK,
		[FILE_LOCK_LEASE] = PROC_LOCK_LEASE };
	struct search s = { .cast = c,
		.wanted = { .kind = kinds[e->flag],
			.write = e->type == FILE_LOCK_WRITE,
			.start = e->start,
			.end = e->len ? e->start + (e->len - 1) : PROC_LOCK_EOF } };
	auto_fd int fd = borrow(e);

	if (fd < 0 || fstat(fd, &s.st))
		return 0;
	s.found = blocking_pid(e, fd);
	if (!s.found)
		holders_all(blocks, &s);
	return s.found;
}

static int explain(
	const struct cast *c, const FileLockEntry *e, int code, struct err *err)
{
	char what[LOCK_TEXT], link[64], name[4096] = "?", comm[HOLDER_COMM];
	bool lease = e->flag == FILE_LOCK_LEASE;
	ssize_t n;
	pid_t pid;

	lock_describe(e, what);
	snprintf(link, sizeof(link), "/proc/%d/fd/%d", e->pid, e->fd);
	n = readlink(link, name, sizeof(name) - 1);
	if (n >= 0)
		name[n] = '\0';
	if (code != EAGAIN && code != EACCES)
		return err_os(err, code, "fd %d (%s): take the %s", e->fd, name, what);
	pid = find_blocker(c, e);
	if (!pid)
		return err_set(err, EBUSY,
			"fd %d (%s): the %s cannot be taken: somebody who cannot be seen "
			"%s; "
			"restore when that has ended",
			e->fd, name, what,
			lease ? "has the file open" : "holds a lock against it");
	holder_comm(pid, comm);
	return err_set(err, EBUSY,
		"fd %d (%s): the %s cannot be taken: pid %d (%s) %s; restore when that "
		"process has %s",
		e->fd, name, what, pid, comm,
		lease ? "has the file open" : "holds a lock against it",
		lease ? "closed it" : "released it");
}

/* ---- locks ---- */

static void add_lock(struct batch *b, const FileLockEntry *e)
{
	struct flock fl = flock_of(e);

	if (e->flag == FILE_LOCK_FLOCK)
		batch_call2(b, "flock", SYS_flock, e->fd,
			(e->type == FILE_LOCK_WRITE ? LOCK_EX : LOCK_SH) | LOCK_NB);
	else
		batch_call3(b, "lock a file", SYS_fcntl, e->fd,
			e->flag == FILE_LOCK_OFD ? F_OFD_SETLK : F_SETLK,
			batch_in(b, &fl, sizeof(fl)));
	batch_may_fail(b); /* run_locks() looks at it */
}

/* Some locks of one task. */
static int run_locks(
	struct cast *c, const struct snap_lock *lock, size_t n, struct err *err)
{
	struct puppet *p = &c->actor[lock->task].p;
	int ret = puppet_run(p, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < n; i++)
		add_lock(&p->b, lock[i].entry);
	ret = puppet_run(p, err);
	for (size_t i = 0; i < n && !ret; i++) {
		int64_t answer = batch_ret(&p->b, i);

		if (answer)
			ret = explain(c, lock[i].entry, -answer, err);
	}
	return ret;
}

/* ---- leases ---- */

/* In a table of its own. A positive errno value is what the kernel says to the lease. */
static int set_lease(void *arg, struct err *err)
{
	const FileLockEntry *e = arg;
	auto_fd int fd = borrow(e), there = -1;
	struct f_owner_ex owner = { 0 };

	if (fd < 0)
		return err_os(err, errno, "take fd %d over", e->fd);
	there = fd == e->fd ? fd_steal(&fd) : dup3(fd, e->fd, O_CLOEXEC);
	if (there < 0)
		return err_os(err, errno, "number %d", e->fd);
	fcntl(there, F_GETOWN_EX, &owner);
	if (fcntl(there, F_SETLEASE, e->type == FILE_LOCK_WRITE ? F_WRLCK : F_RDLCK))
		return errno;
	if (!owner.pid)
		fcntl(there, F_SETOWN, 0); /* the kernel has made it ours */
	return 0;
}

static int run_lease(struct cast *c, const struct snap_lock *lock, struct err *err)
{
	int ret = aside(CLONE_FILES, set_lease, (void *)lock->entry, err);
	return ret > 0 ? explain(c, lock->entry, ret, err) : ret;
}

int locks_restore(struct cast *c, struct err *err)
{
	const struct snapshot *s = c->snap;
	int ret = 0;

	for (size_t i = 0, n; i < s->locks && !ret; i += n) {
		const struct snap_lock *l = &s->lock[i];

		n = 1;
		if (l->entry->flag == FILE_LOCK_LEASE) {
			ret = run_lease(c, l, err);
		} else {
			while (n < AT_ONCE && i + n < s->locks && l[n].task == l->task &&
				l[n].entry->flag != FILE_LOCK_LEASE)
				n++;
			ret = run_locks(c, l, n, err);
		}
		if (ret)
			return err_in(err, ret, "pid %d (%s)", s->task[l->task].pid,
				s->task[l->task].comm);
	}
	return 0;
}
