// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks of files, at dump (restore: task/locks.c). Four kinds:
 *
 *	POSIX	fcntl(F_SETLK): of a table of descriptors, on ranges of an inode.
 *		Gone when the table closes any descriptor of the inode.
 *	OFD	fcntl(F_OFD_SETLK): of an open file, on ranges
 *	flock	flock(2): of an open file, on all of it
 *	lease	fcntl(F_SETLEASE): of an open file
 *
 * The lines "lock:" of fdinfo show them where they belong (lib/proc/lock.c): those
 * of open files under each of their descriptors, a POSIX lock in its table under the
 * open file through which it was taken. So one look at each open file in each table
 * finds all. /proc/locks is not asked for them: it holds up all who lock meanwhile,
 * for some 15 ms.
 *
 * An entry of filelocks.img names a task that has the file, and its number there.
 * For flock locks and leases this is the one that took it, if it still has the file
 * (it may be a parent, and dead): then the same pid is shown after a restore.
 *
 * They are taken again by the restored tasks. In between somebody else could have
 * taken one, which refuses the restore; it is never left out.
 *
 * A mapping keeps a file open when the descriptor is closed, and with it a flock or
 * OFD lock that nobody can see in fdinfo, nor give back. /proc/locks has it; it is
 * the tree's when the tree maps the file and no descriptor of anybody shows it. This
 * is looked for where a file that could be written is mapped shared, and refused.
 *
 * Not carried: a lease that is being broken, whose time runs; a lease on a file
 * without a name, which could not be opened for a restore without breaking it; share
 * modes of flock (LOCK_MAND, before Linux 5.15); delegations.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "crl/log.h"
#include "crl/proc/file.h"
#include "crl/proc/lock.h"
#include "crl/proc/smaps.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/holders.h"
#include "fd/locks.h"
#include "image/frame.h"
#include "image/sums.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

struct lock_taken {
	FileLockEntry *entry;
	const uint32_t *id;  /* of its open file */
	struct proc_lock as; /* as shown; without the text */
	const char *comm, *name;
	bool found; /* in /proc/locks */
};

struct lock_mapping {
	uint32_t major, minor;
	uint64_t ino;
	pid_t pid;
	const char *comm, *name;
};

struct files_locks {
	struct lock_taken *list;
	size_t count, cap;
	struct lock_mapping *mapped;
	size_t mappings, mapping_cap;
};

static const uint32_t lock_flags[] = {
	[PROC_LOCK_POSIX] = FILE_LOCK_POSIX,
	[PROC_LOCK_OFD] = FILE_LOCK_OFD,
	[PROC_LOCK_FLOCK] = FILE_LOCK_FLOCK,
	[PROC_LOCK_LEASE] = FILE_LOCK_LEASE,
};

static struct files_locks *locks(struct files *f)
{
	if (!f->locks)
		f->locks = arena_alloc(&f->arena, sizeof(*f->locks));
	return f->locks;
}

/* ---- what descriptors show ---- */

static int lock_refuse(
	struct files *f, const struct fd_view *v, const struct proc_lock *l)
{
	if (l->kind == PROC_LOCK_OTHER)
		return fd_refuse(f, v,
			"it has a lock of a kind that is not carried (LOCK_MAND, "
			"delegation)",
			"release the lock before the dump");
	if (l->kind == PROC_LOCK_LEASE && l->breaking)
		return fd_refuse(f, v,
			"its lease is being broken by somebody who opens the file",
			"dump again when the lease has been given up");
	if (l->kind == PROC_LOCK_LEASE && !v->st.st_nlink)
		return fd_refuse(f, v, "it has a lease, and no name any more",
			"give the lease up (F_UNLCK) before the dump");
	return 0;
}

static void lock_add(struct files *f, const struct fd_view *v, const struct proc_lock *l,
	const uint32_t *id)
{
	struct files_locks *all = locks(f);
	struct lock_taken new = { .id = id, .as = *l };
	FileLockEntry *e = arena_msg(&f->arena, FileLockEntry, file_lock_entry);

	e->flag = lock_flags[l->kind];
	e->type = l->write ? FILE_LOCK_WRITE : FILE_LOCK_READ;
	e->pid = v->task->pid;
	e->fd = v->fd;
	e->start = l->start;
	e->len = l->end == PROC_LOCK_EOF ? 0 : l->end - l->start + 1;
	new.entry = e;
	new.as.what = (struct proc_text){ 0 };
	new.comm = arena_text(&f->arena, v->task->stat.comm);
	new.name = arena_text(&f->arena, v->link);
	arena_push(&f->arena, all->list, all->count, all->cap, new);
}

int locks_take(struct files *f, const struct fd_view *v, bool fresh, const uint32_t *id,
	struct err *err)
{
	struct dump_task *t = v->task;
	char path[PROC_PATH_SIZE];
	struct proc_fdinfo info;
	struct proc_lock l;
	int ret;

	proc_path(path, "fdinfo/", v->fd, "");
	ret = proc_read(t->proc, path, t->buf, err);
	if (!ret)
		ret = fdinfo_parse(t->buf->data, t->buf->len, &info, err);
	while (!ret && (ret = lock_next(&info.rest, &l, err)) > 0) {
		ret = 0;
		if (!fresh && l.kind != PROC_LOCK_POSIX)
			continue;
		ret = lock_refuse(f, v, &l);
		if (!ret)
			lock_add(f, v, &l, id);
	}
	return ret < 0 ? err_in(err, ret, "locks") : ret;
}

/* ---- who took them ---- */

static const struct files_seen *seen_by(const struct files *f, pid_t pid, uint32_t id)
{
	for (size_t i = 0; i < f->seen_count; i++)
		if (f->seen[i].pid == pid && (!id || f->seen[i].id == id))
			return &f->seen[i];
	return NULL;
}

/* Is this lock among those that a descriptor shows? */
static int shows(void *arg, const struct holder *h)
{
	const struct proc_lock *wanted = arg;
	struct proc_text rest = h->info.rest;
	struct proc_lock l;
	struct err odd;

	while (lock_next(&rest, &l, &odd) > 0)
		if (lock_same(&l, wanted))
			return 1;
	return 0;
}

static void settle_taker(struct files *f, struct lock_taken *l)
{
	const struct files_seen *s;
	char comm[HOLDER_COMM];

	if (l->as.kind != PROC_LOCK_FLOCK && l->as.kind != PROC_LOCK_LEASE)
		return;
	if (l->as.pid <= 0 || l->as.pid == l->entry->pid)
		return;
	s = seen_by(f, l->as.pid, *l->id);
	if (s) {
		l->entry->pid = s->pid;
		l->entry->fd = s->fd;
	} else if (!seen_by(f, l->as.pid, 0) && holders_of(l->as.pid, shows, &l->as)) {
		holder_comm(l->as.pid, comm);
		log_warn(f->log,
			"pid %d (%s): the lock on fd %d (%s) is shared with pid %d (%s), "
			"outside of "
			"the tree, which must have closed the file before a restore",
			l->entry->pid, l->comm, l->entry->fd, l->name, (int)l->as.pid,
			comm);
	}
}

/* ---- what no descriptor shows ---- */

void locks_mapped(struct files *f, struct dump_task *t, const struct proc_vma *v)
{
	struct files_locks *all = locks(f);
	struct lock_mapping new = {
		.major = v->major, .minor = v->minor, .ino = v->inode, .pid = t->pid
	};

	new.comm = arena_text(&f->arena, t->stat.comm);
	new.name = arena_printf(&f->arena, "%.*s", (int)v->name.len, v->name.s);
	arena_push(&f->arena, all->mapped, all->mappings, all->mapping_cap, new);
}

static const struct lock_mapping *mapping_of(
	const struct files_locks *all, const struct proc_lock *l)
{
	for (size_t i = 0; i < all->mappings; i++) {
		const struct lock_mapping *m = &all->mapped[i];

		if (m->ino == l->ino && m->major == l->major && m->minor == l->minor)
			return m;
	}
	return NULL;
}

/* Each lock of ours stands for one line. */
static bool is_taken(struct files_locks *all, const struct proc_lock *l)
{
	for (size_t i = 0; i < all->count; i++)
		if (!all->list[i].found && lock_same(&all->list[i].as, l))
			return all->list[i].found = true;
	return false;
}

struct search {
	const struct files *f;
	struct proc_lock *lock;
};

static int shows_outside(void *arg, const struct holder *h)
{
	const struct search *s = arg;

	return shows(s->lock, h) && !seen_by(s->f, h->pid, 0);
}

static void judge_line(struct files *f, struct proc_lock *l)
{
	const struct lock_mapping *m = mapping_of(f->locks, l);
	struct search s = { .f = f, .lock = l };

	if (!m || l->waits || l->kind == PROC_LOCK_POSIX || l->kind == PROC_LOCK_OTHER)
		return;
	if (is_taken(f->locks, l) || holders_all(shows_outside, &s))
		return;
	obstacles_add(f->obstacles, m->pid, m->comm,
		"keep the descriptor open, or unlock the file before closing it",
		"%s: it is locked (%.*s), mapped, and not open any more", m->name,
		(int)l->what.len, l->what.s);
}

static int find_hidden(struct files *f, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	struct proc_text rest;
	struct proc_lock l;
	struct err odd;
	int ret;

	if (!f->locks->mappings)
		return 0;
	ret = proc_read(AT_FDCWD, "/proc/locks", &buf, err);
	rest = (struct proc_text){ buf.data, buf.len };
	while (!ret && rest.len) {
		const char *end = memchr(rest.s, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.s) : rest.len;

		if (!lock_parse((struct proc_text){ rest.s, len }, &l, &odd))
			judge_line(f, &l);
		len += !!end;
		rest = (struct proc_text){ rest.s + len, rest.len - len };
	}
	return ret;
}

/* ---- the image ---- */

static int taken_cmp(const void *left, const void *right)
{
	const struct lock_taken *a = left, *b = right;

	if (a->entry->pid != b->entry->pid)
		return a->entry->pid - b->entry->pid;
	if (*a->id != *b->id)
		return *a->id < *b->id ? -1 : 1;
	if (a->entry->flag != b->entry->flag)
		return a->entry->flag < b->entry->flag ? -1 : 1;
	return (a->as.start > b->as.start) - (a->as.start < b->as.start);
}

/*
 * A table may have been looked at twice with another one in between, when several
 * threads do so: then POSIX locks came twice.
 */
static void drop_repeated(struct files_locks *all)
{
	size_t n = 0;

	if (all->count)
		qsort(all->list, all->count, sizeof(*all->list), taken_cmp);
	for (size_t i = 0; i < all->count; i++)
		if (!n || taken_cmp(&all->list[n - 1], &all->list[i]))
			all->list[n++] = all->list[i];
	all->count = n;
}

int locks_write(struct files *f, struct image_writer *w, struct err *err)
{
	struct files_locks *all = locks(f);
	int ret;

	drop_repeated(all);
	ret = find_hidden(f, err);
	if (!ret)
		ret = image_writer_start(w, IMAGE_FILELOCKS, 0, err);
	for (size_t i = 0; i < all->count && !ret; i++) {
		settle_taker(f, &all->list[i]);
		ret = image_writer_record(w, &all->list[i].entry->base, err);
	}
	return ret ? ret : sums_finish_image(f->out.sums, w, f->out.dir, err);
}

/* ---- in words ---- */

void lock_describe(const FileLockEntry *e, char text[LOCK_TEXT])
{
	const char *kind = e->flag == FILE_LOCK_POSIX	? "POSIX "
			   : e->flag == FILE_LOCK_OFD	? "OFD "
			   : e->flag == FILE_LOCK_FLOCK ? "flock "
							: "";
	const char *type = e->type == FILE_LOCK_READ	? "read"
			   : e->type == FILE_LOCK_WRITE ? "write"
							: "?";
	int n = snprintf(text, LOCK_TEXT, "%s%s %s", kind, type,
		e->flag == FILE_LOCK_LEASE ? "lease" : "lock");

	if (e->flag != FILE_LOCK_POSIX && e->flag != FILE_LOCK_OFD)
		return;
	if (!e->len)
		snprintf(text + n, LOCK_TEXT - n, " of bytes %lld to the end",
			(long long)e->start);
	else
		snprintf(text + n, LOCK_TEXT - n, " of bytes %lld to %llu",
			(long long)e->start, (unsigned long long)e->start + e->len - 1);
}
