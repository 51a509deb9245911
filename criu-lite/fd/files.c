// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open files of a tree, at dump: see files.h.
 *
 * A descriptor is looked at through a duplicate of our own (pidfd_getfd(2),
 * Linux 5.6): fstat, F_GETFL and lseek then ask the open file itself. Two
 * descriptors are the same open file description when kcmp(2) says so; it also
 * orders them, so a tree finds the match, and it is only asked where inode,
 * flags and position agree already.
 *
 * Path files are entered once for each (device, inode, name) as the kernel
 * shows them. A name is believed only when the file behind it is the one that
 * is open; otherwise it was unlinked (ghost.c) or replaced.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/smaps.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/locks.h"
#include "fd/memfd.h"
#include "fd/reg.h"
#include "image/frame.h"
#include "image/sums.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif

struct description {
	dev_t dev;
	ino_t ino;
	uint32_t flags;
	int64_t pos;
	pid_t pid; /* where one descriptor of it is */
	int fd;
	uint32_t id; /* 0: refused */
	FdTypes type;
	pid_t locks_of; /* the last table whose locks on it were looked at */
};

struct path_file {
	uint64_t dev, ino; /* as the kernel shows them where it was found */
	const char *name;
	bool writable; /* mapped shared and writable: opened in another way than for
			  reading */
	uint32_t id;
};

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* kcmp: 0 equal, 1 less, 2 greater; an error (the task died) must not look equal. */
static int description_cmp(const void *left, const void *right)
{
	const struct description *a = left, *b = right;
	int c = order(a->ino, b->ino);

	if (!c)
		c = order(a->dev, b->dev);
	if (!c)
		c = order(a->flags, b->flags);
	if (!c)
		c = order(a->pos, b->pos);
	if (c)
		return c;
	switch (syscall(SYS_kcmp, a->pid, b->pid, KCMP_FILE, a->fd, b->fd)) {
	case 0:
		return 0;
	case 1:
		return -1;
	default:
		return 1;
	}
}

static int path_file_cmp(const void *left, const void *right)
{
	const struct path_file *a = left, *b = right;
	int c = order(a->ino, b->ino);

	if (!c)
		c = order(a->dev, b->dev);
	if (!c)
		c = order(a->writable, b->writable);
	return c ? c : strcmp(a->name, b->name);
}

void files_init(struct files *f, const struct files_options *opt,
	const struct files_out *out, struct obstacles *obstacles, const struct log *log)
{
	*f = (struct files){
		.opt = opt, .out = *out, .obstacles = obstacles, .log = log
	};
	pthread_mutex_init(&f->lock, NULL);
	arena_init(&f->arena);
}

static void keep(void *entry)
{
	/* it lives in the arena */
}

void files_deinit(struct files *f)
{
	tdestroy(f->descriptions, keep);
	tdestroy(f->paths, keep);
	f->descriptions = f->paths = NULL;
	arena_deinit(&f->arena);
}

FileEntry *files_new(struct files *f, FdTypes type)
{
	FileEntry *e = arena_msg(&f->arena, FileEntry, file_entry);

	arena_push(&f->arena, f->entry, f->count, f->cap, e);
	e->id = f->count;
	e->type = type;
	return e;
}

/* The entry that was added last turns out to be impossible. */
static void files_drop_last(struct files *f)
{
	f->count--;
}

static struct path_file *path_find(struct files *f, const struct path_file *key)
{
	void *known = tfind(key, &f->paths, path_file_cmp);

	return known ? *(struct path_file **)known : NULL;
}

static int path_lookup(struct files *f, struct dump_task *t, uint64_t dev, uint64_t ino,
	const char *name, const char *through, bool writable, uint32_t *id,
	struct err *err)
{
	struct path_file key = { .dev = dev,
		.ino = ino,
		.name = name,
		.writable = writable },
			 *found;
	struct stat st;
	const struct reg_source src = {
		.through = through, .name = name, .st = &st, .build_id = true
	};
	FileEntry *e;
	bool memfd;
	int ret;

	found = path_find(f, &key);
	if (found) {
		*id = found->id;
		return 0;
	}
	if (fstatat(t->proc, through, &st, 0))
		return err_os(err, errno, "stat %s", through);
	memfd = memfd_is(name, &st);
	e = files_new(f, memfd ? FD_TYPES__MEMFD : FD_TYPES__REG);
	ret = memfd ? memfd_describe(f, t, &src, writable ? O_RDWR : O_RDONLY, e, err)
		    : reg_describe(f, t, &src, e, err);
	if (ret < 0)
		return ret;
	if (ret == FD_REFUSED)
		files_drop_last(f);
	found = arena_alloc(&f->arena, sizeof(*found));
	*found = key;
	found->name = arena_text(&f->arena, name);
	found->id = ret == FD_REFUSED ? 0 : e->id;
	tsearch(found, &f->paths, path_file_cmp);
	*id = found->id;
	return 0;
}

static int read_link(
	struct dump_task *t, const char *link, char *name, size_t size, struct err *err)
{
	ssize_t n = FAULT(READ_LINK) ? -1 : readlinkat(t->proc, link, name, size - 1);

	if (n < 0)
		return err_os(err, errno, "read the link %s", link);
	name[n] = '\0';
	return 0;
}

static int mapped(struct files *f, struct dump_task *t, const struct proc_vma *v,
	bool writable, uint32_t *id, struct err *err)
{
	struct path_file key = {
		.dev = (uint64_t)v->major << 32 | v->minor,
		.ino = v->inode,
		.writable = writable,
	}, *found;
	char through[64], name[4200];
	int ret;

	/* The name in smaps is escaped; it serves as the key, the link has it as it is.
	 */
	key.name = arena_printf(t->arena, "%.*s", (int)v->name.len, v->name.s);
	found = path_find(f, &key);
	if (found) {
		*id = found->id;
		return 0;
	}
	snprintf(through, sizeof(through), "map_files/%llx-%llx",
		(unsigned long long)v->start, (unsigned long long)v->end);
	ret = read_link(t, through, name, sizeof(name), err);
	if (!ret)
		ret = path_lookup(
			f, t, key.dev, key.ino, name, through, writable, id, err);
	if (!ret && writable)
		locks_mapped(f, t, v);
	if (!ret && strcmp(name, key.name)) {
		found = arena_alloc(&f->arena, sizeof(*found));
		*found = key;
		found->name = arena_text(&f->arena, key.name);
		found->id = *id;
		tsearch(found, &f->paths, path_file_cmp);
	}
	return ret;
}

int files_mapped(struct files *f, struct dump_task *t, const struct proc_vma *v,
	bool writable, uint32_t *id, bool *memfd, struct err *err)
{
	int ret;

	pthread_mutex_lock(&f->lock);
	ret = mapped(f, t, v, writable, id, err);
	*memfd = !ret && *id && f->entry[*id - 1]->type == FD_TYPES__MEMFD;
	pthread_mutex_unlock(&f->lock);
	return ret;
}

int files_link(struct files *f, struct dump_task *t, const char *link, uint32_t *id,
	struct err *err)
{
	char name[4200];
	struct stat st;
	int ret = read_link(t, link, name, sizeof(name), err);

	if (ret)
		return ret;
	if (fstatat(t->proc, link, &st, 0))
		return err_os(err, errno, "stat %s", link);
	pthread_mutex_lock(&f->lock);
	ret = path_lookup(f, t, (uint64_t)major(st.st_dev) << 32 | minor(st.st_dev),
		st.st_ino, name, link, false, id, err);
	pthread_mutex_unlock(&f->lock);
	return ret ? err_in(err, ret, "%s", link) : 0;
}

static void view_owner(struct files *f, struct fd_view *v)
{
	struct f_owner_ex owner = { 0 };
	uint32_t ids[2];

	v->fown = arena_msg(&f->arena, FownEntry, fown_entry);
	if (fcntl(v->local, F_GETOWN_EX, &owner) || !owner.pid)
		return;
	v->fown->pid = owner.pid;
	v->fown->pid_type = owner.type;
	v->fown->signum = fcntl(v->local, F_GETSIG);
	if (!fcntl(v->local, F_GETOWNER_UIDS, ids)) {
		v->fown->uid = ids[0];
		v->fown->euid = ids[1];
	}
}

static int view_open(
	struct fd_view *v, int pidfd, char *link, size_t size, struct err *err)
{
	char path[32];
	int ret;

	v->local = FAULT(FD_TAKE) ? -1 : syscall(SYS_pidfd_getfd, pidfd, v->fd, 0);
	if (v->local < 0)
		return err_os(err, errno, "duplicate it");
	snprintf(path, sizeof(path), "fd/%d", v->fd);
	ret = read_link(v->task, path, link, size, err);
	if (ret)
		return ret;
	v->link = link;
	if (fstat(v->local, &v->st))
		return err_os(err, errno, "stat");
	v->flags = fcntl(v->local, F_GETFL);
	v->pos = lseek(v->local, 0, SEEK_CUR);
	if (v->pos < 0)
		v->pos = 0;
	return 0;
}

static int description_dump(
	struct files *f, struct fd_view *v, struct description *d, struct err *err)
{
	const struct fd_ops *ops = fd_ops_probe(v);
	FileEntry *e;
	int ret;

	if (!ops)
		return fd_refuse(f, v, "this kind of file is not carried",
			"close it before the dump");
	e = files_new(f, ops->type);
	view_owner(f, v);
	ret = FAULT_STEP(FD_DUMP, err, ops->dump(f, v, e, err));
	if (ret) {
		files_drop_last(f);
		return ret < 0 ? err_in(err, ret, "%s", ops->name) : ret;
	}
	d->id = e->id;
	d->type = e->type;
	return 0;
}

static int enter(struct files *f, struct fd_view *v, FdinfoEntry *info, struct err *err)
{
	struct description key, *d;
	void *known;
	bool fresh = false;
	int ret = 0;

	key = (struct description){ .dev = v->st.st_dev,
		.ino = v->st.st_ino,
		.flags = v->flags,
		.pos = v->pos,
		.pid = v->task->pid,
		.fd = v->fd };
	known = tfind(&key, &f->descriptions, description_cmp);
	d = known ? *(struct description **)known : NULL;
	if (!d) {
		d = arena_alloc(&f->arena, sizeof(*d));
		*d = key;
		tsearch(d, &f->descriptions, description_cmp);
		fresh = true;
	}
	if (d->locks_of != v->task->pid)
		ret = locks_take(f, v, fresh, &d->id, err);
	d->locks_of = v->task->pid;
	if (!ret && fresh)
		ret = description_dump(f, v, d, err);
	if (ret < 0)
		return ret;
	info->id = d->id;
	info->type = d->type;
	arena_push(&f->arena, f->seen, f->seen_count, f->seen_cap,
		((struct files_seen){ v->task->pid, v->fd, d->id, d->type }));
	return 0;
}

static int files_one(
	struct files *f, struct fd_view *v, int pidfd, FdinfoEntry *info, struct err *err)
{
	char link[4200];
	int ret = view_open(v, pidfd, link, sizeof(link), err);

	if (ret)
		return ret;
	pthread_mutex_lock(&f->lock);
	ret = enter(f, v, info, err);
	pthread_mutex_unlock(&f->lock);
	return ret;
}

int files_table(struct files *f, struct dump_task *t, const int *fd, const bool *cloexec,
	size_t n, uint32_t table_id, struct image_writer *w, struct err *err)
{
	auto_fd int pidfd = -1;
	int ret = image_writer_start(w, IMAGE_FDINFO, table_id, err);

	if (ret || !n)
		return ret;
	pidfd = FAULT(FD_TABLE) ? -1 : pidfd_open(t->pid, 0);
	if (pidfd < 0)
		return err_os(err, errno, "pidfd_open");
	for (size_t i = 0; i < n && !ret; i++) {
		struct fd_view v = { .task = t, .fd = fd[i], .local = -1 };
		FdinfoEntry info = FDINFO_ENTRY__INIT;

		ret = files_one(f, &v, pidfd, &info, err);
		if (v.local >= 0)
			close(v.local);
		info.fd = fd[i];
		info.flags = cloexec[i] ? 1 : 0;
		if (!ret && info.id)
			ret = image_writer_record(w, &info.base, err);
		if (ret)
			err_in(err, ret, "fd %d", fd[i]);
	}
	return ret ? ret : sums_finish_image(f->out.sums, w, f->out.dir, err);
}

static int write_entries(struct files *f, struct image_writer *w, struct err *err)
{
	int ret = image_writer_start(w, IMAGE_FILES, 0, err);

	for (size_t i = 0; i < f->count && !ret; i++)
		ret = image_writer_record(w, &f->entry[i]->base, err);
	if (!ret)
		ret = sums_finish_image(f->out.sums, w, f->out.dir, err);
	if (!ret)
		ret = image_writer_start(w, IMAGE_REMAP_FPATH, 0, err);
	for (size_t i = 0; i < f->remaps && !ret; i++)
		ret = image_writer_record(w, &f->remap[i]->base, err);
	return ret < 0 ? ret : sums_finish_image(f->out.sums, w, f->out.dir, err);
}

int files_write(struct files *f, struct image_writer *w, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < fd_table_size && !ret; i++)
		if (fd_table[i]->finish)
			ret = FAULT_STEP(FILES_FINISH, err, fd_table[i]->finish(f, err));
	if (!ret)
		ret = write_entries(f, w, err);
	return ret ? ret : locks_write(f, w, err);
}
