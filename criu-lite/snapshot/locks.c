// SPDX-License-Identifier: GPL-2.0-only
/*
 * filelocks.img, judged: who holds a lock must be a live task, the number one of its
 * descriptors, and a range must lie within what a file can have.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "fd/locks.h"
#include "snapshot/internal.h"

#define POSITION_MAX INT64_MAX

static int fd_cmp(const void *key, const void *entry)
{
	return *(const int *)key - ((const struct snap_fd *)entry)->fd;
}

static bool has_fd(const struct snap_task *t, int fd)
{
	return t->n_fds && bsearch(&fd, t->fds, t->n_fds, sizeof(*t->fds), fd_cmp);
}

static int judge(const FileLockEntry *e, struct err *err)
{
	if (e->flag != FILE_LOCK_POSIX && e->flag != FILE_LOCK_FLOCK &&
		e->flag != FILE_LOCK_OFD && e->flag != FILE_LOCK_LEASE)
		return err_set(
			err, EOPNOTSUPP, "a lock of kind %u is not known", e->flag);
	if (e->flag == FILE_LOCK_LEASE && e->type & FILE_LOCK_BREAKING)
		return err_set(
			err, EOPNOTSUPP, "a lease that was being broken is not restored");
	if (e->type != FILE_LOCK_READ && e->type != FILE_LOCK_WRITE)
		return err_set(
			err, EOPNOTSUPP, "a lock of type %u is not restored", e->type);
	if (e->start < 0 || e->len < 0 || e->len - 1 > POSITION_MAX - e->start)
		return err_set(err, EINVAL, "a range of %lld bytes at %lld",
			(long long)e->len, (long long)e->start);
	return 0;
}

static int add_lock(
	struct snapshot *s, const FileLockEntry *e, size_t *cap, struct err *err)
{
	struct snap_lock new = { .entry = e };
	int ret, task = snapshot_find(s, e->pid);

	if (task < 0)
		return err_set(err, EINVAL, "pid %d is not in the tree", e->pid);
	new.task = task;
	if (!has_fd(&s->task[new.task], e->fd))
		return err_set(err, EINVAL, "pid %d has no fd %d", e->pid, e->fd);
	ret = judge(e, err);
	if (ret)
		return err_in(err, ret, "pid %d: fd %d", e->pid, e->fd);
	arena_push(&s->arena, s->lock, s->locks, *cap, new);
	return 0;
}

/* Leases come last: they want that nobody opens the file any more. */
static int lock_cmp(const void *left, const void *right)
{
	const struct snap_lock *a = left, *b = right;
	int lease =
		(a->entry->flag == FILE_LOCK_LEASE) - (b->entry->flag == FILE_LOCK_LEASE);

	return lease ? lease : (a->task > b->task) - (a->task < b->task);
}

int snapshot_load_locks(struct snapshot *s, struct err *err)
{
	struct image_reader rd = { 0 };
	ProtobufCMessage *msg;
	size_t cap = 0;
	int ret = snapshot_open(s, &rd, IMAGE_FILELOCKS, 0, err);

	while (!ret && (ret = image_reader_next(&rd, &file_lock_entry__descriptor,
				&s->arena.pb, &msg, err)) > 0)
		ret = add_lock(s, (const FileLockEntry *)msg, &cap, err);
	image_reader_deinit(&rd);
	if (s->locks)
		qsort(s->lock, s->locks, sizeof(*s->lock), lock_cmp);
	return ret < 0 ? err_in(err, ret, "filelocks.img") : 0;
}
