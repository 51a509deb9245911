// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files made by memfd_create(2), at restore. crl makes each with the first open
 * file that somebody needs, and fills it. Further ones come from opening
 * /proc/self/fd/N: positions and flags are then their own. Order:
 *
 *   1. memfd_create, size, contents,
 *   2. tasks get descriptors and mappings,
 *   3. when all have theirs: owner, mode, seals.
 *
 * Seals are last since F_SEAL_FUTURE_WRITE and F_SEAL_WRITE leave nobody the
 * right to make the writable mapping that is older than the seal; the mode, since
 * it could keep crl itself from opening the file again.
 *
 * The open file that memfd_create returns does not count as a writer, and those
 * opened later do: only the first lets the memfd be executed (ETXTBSY) while it is
 * open for writing. So a descriptor for reading and writing gets it, and so do
 * writable mappings, which mostly have been made from that very descriptor.
 *
 * "/dev/zero" in memfd.img is shared anonymous memory, which other programs store
 * like this; a memfd that has this name says so (crl_memfd).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/file.h"
#include "fd/memfd.h"
#include "fd/owner.h"
#include "fd/restore-files.h"
#include "image/frame.h"

#define PAGE	     4096ull
#define NAME_MAX_LEN 249 /* bytes, of memfd_create */
#define SEALS                                                                            \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |                      \
		F_SEAL_FUTURE_WRITE | F_SEAL_EXEC)
#define LATER_FLAGS                                                                      \
	(O_APPEND | O_NONBLOCK | O_ASYNC | O_NOATIME) /* F_SETFL can set them */
#define OPEN_FLAGS (O_ACCMODE | LATER_FLAGS | O_DSYNC | O_SYNC | O_DIRECT | O_PATH)

/* ---- judging ---- */

static int inode_cmp(const void *left, const void *right)
{
	const struct restore_memfd *a = left, *b = right;

	return (a->image->inode_id > b->image->inode_id) -
	       (a->image->inode_id < b->image->inode_id);
}

static struct restore_memfd *memfd_of(const struct restore_files *r, const FileEntry *e)
{
	MemfdInodeEntry image;
	const struct restore_memfd key = { .image = &image };

	if (!r->memfds || !e->memfd)
		return NULL;
	image.inode_id = e->memfd->inode_id;
	return bsearch(&key, r->memfds->list, r->memfds->count, sizeof(key), inode_cmp);
}

static int load_records(struct restore_files *r, struct image_reader *rd, struct err *err)
{
	struct restore_memfds *all = r->memfds = arena_alloc(&r->arena, sizeof(*all));
	struct ProtobufCMessage *msg;
	int ret;

	while ((ret = image_reader_next(rd, &memfd_inode_entry__descriptor, &r->arena.pb,
			&msg, err)) > 0) {
		struct restore_memfd new = { .image = (MemfdInodeEntry *)msg, .fd = -1 };

		arena_push(&r->arena, all->list, all->count, all->cap, new);
	}
	if (ret < 0 || !all->count)
		return ret;
	qsort(all->list, all->count, sizeof(*all->list), inode_cmp);
	for (size_t i = 1; i < all->count; i++)
		if (!inode_cmp(&all->list[i - 1], &all->list[i]))
			return err_set(err, EINVAL, "memfd.img: inode %llu twice",
				(unsigned long long)all->list[i].image->inode_id);
	return 0;
}

/* Can this file be the one that memfd_create opens? */
static bool can_be_first(const FileEntry *e)
{
	return (e->memfd->flags & (OPEN_FLAGS & ~LATER_FLAGS)) == O_RDWR;
}

/* A descriptor, not a mapping, which has no position or flags to keep. */
static void choose_first(struct restore_files *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct restore_file *file = &r->file[i];
		struct restore_memfd *m;

		if (!file->entry || !file->refs || file->entry->type != FD_TYPES__MEMFD)
			continue;
		m = memfd_of(r, file->entry);
		if (!m)
			continue; /* verify will tell */
		m->wanted = true;
		if (can_be_first(file->entry) && !file->want_write && !m->first)
			m->first = file->entry;
	}
}

int memfd_load(struct restore_files *r, struct err *err)
{
	struct image_reader rd = { 0 };
	int ret = image_reader_load(&rd, r->dir, IMAGE_MEMFD, 0, r->version, err);

	if (!ret)
		ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	if (!ret)
		ret = load_records(r, &rd, err);
	image_reader_deinit(&rd);
	if (!ret)
		choose_first(r);
	return ret < 0 ? ret : 0;
}

static bool is_anonymous(const MemfdInodeEntry *e)
{
	return !e->crl_memfd && !strcmp(e->name, "/dev/zero");
}

static int verify_inode(const MemfdInodeEntry *m, struct err *err)
{
	if (m->hugetlb_flag)
		return err_set(err, EOPNOTSUPP, "memfd %s: huge pages are not restored",
			m->name);
	if (m->seals & ~SEALS)
		return err_set(err, EOPNOTSUPP, "memfd %s: seals %#x are not known",
			m->name, m->seals);
	if (strlen(m->name) > NAME_MAX_LEN)
		return err_set(
			err, EINVAL, "memfd.img: a name of %zu bytes", strlen(m->name));
	if (m->size > INT64_MAX || (is_anonymous(m) && !m->size) ||
		(m->has_mode && m->mode & S_IFMT && !S_ISREG(m->mode)))
		return err_set(err, EINVAL, "memfd %s: size %llu, mode %o", m->name,
			(unsigned long long)m->size, m->mode);
	return 0;
}

int memfd_verify(const struct restore_files *r, const FileEntry *e, struct err *err)
{
	const struct restore_memfd *m = memfd_of(r, e);

	if (!e->memfd || e->memfd->id != e->id || e->memfd->pos > INT64_MAX)
		return err_set(err, EINVAL, "file %u: no memfd", e->id);
	if (!m)
		return err_set(err, EINVAL, "file %u: memfd %u is not in memfd.img",
			e->id, e->memfd->inode_id);
	return verify_inode(m->image, err);
}

/* ---- making ---- */

static int make_anonymous(const MemfdInodeEntry *e, struct err *err)
{
	uint64_t size = (e->size + PAGE - 1) & ~(PAGE - 1);
	char path[80];
	void *at = mmap(
		NULL, size, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int fd;

	if (at == MAP_FAILED)
		return err_os(err, errno, "map %llu bytes", (unsigned long long)size);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)at,
		(unsigned long)(at + size));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fd = err_os(err, errno, "open it (needs CAP_CHECKPOINT_RESTORE)");
	munmap(at, size);
	return fd;
}

/* Whether it may be executed is said in any case: a sysctl decides otherwise. */
static int make_named(const MemfdInodeEntry *e, struct err *err)
{
	bool never = e->seals & F_SEAL_EXEC && e->has_mode && !(e->mode & 0111);
	unsigned flags = MFD_CLOEXEC | (e->seals == F_SEAL_SEAL ? 0 : MFD_ALLOW_SEALING);
	int fd = memfd_create(e->name, flags | (never ? MFD_NOEXEC_SEAL : MFD_EXEC));

	if (fd < 0 && errno == EINVAL && !never) /* before Linux 6.3 all may be */
		fd = memfd_create(e->name, flags);
	if (fd >= 0)
		return fd;
	return err_os(err, errno, "memfd_create%s",
		errno == EACCES
			? " (the sysctl vm.memfd_noexec forbids what can be executed)"
			: "");
}

/* What a mapping had put behind the end of the file, in its last page. */
static int fill_tail(int fd, uint64_t size, const uint8_t *page, struct err *err)
{
	size_t used = size % PAGE;
	uint8_t *at;

	for (size_t i = used; i < PAGE && !page[i]; i++)
		if (i == PAGE - 1)
			return 0;
	at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, size - used);
	if (at == MAP_FAILED)
		return err_os(err, errno, "map its last page");
	memcpy(at + used, page + used, PAGE - used);
	munmap(at, PAGE);
	return 0;
}

static int fill_run(int fd, uint64_t size, const struct snap_pages *run,
	const uint8_t *data, struct err *err)
{
	uint64_t end = run->at + run->len < size ? run->at + run->len : size;

	for (uint64_t at = run->at; at < end;) {
		ssize_t n = pwrite(fd, data + (at - run->at), end - at, at);

		if (n <= 0)
			return err_os(err, n ? errno : EIO, "write its contents");
		at += n;
	}
	if (end == size && size % PAGE && run->at < size)
		return fill_tail(fd, size, data + (size - size % PAGE - run->at), err);
	return 0;
}

static int fill(const struct restore_files *r, const struct restore_memfd *m, int fd,
	struct err *err)
{
	const struct snap_pagemap *map = &m->pages;
	char name[IMAGE_NAME_SIZE];
	auto_fd int in = -1;
	const uint8_t *data;
	int ret = 0;

	if (!map->bytes)
		return 0;
	image_name(name, IMAGE_PAGES, map->file);
	in = openat(r->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return err_os(err, errno, "%s", name);
	data = mmap(NULL, map->bytes, PROT_READ, MAP_PRIVATE, in, 0);
	if (data == MAP_FAILED)
		return err_os(err, errno, "map %s", name);
	for (size_t i = 0; i < map->count && !ret; i++)
		ret = fill_run(
			fd, m->image->size, &map->run[i], data + map->run[i].offset, err);
	munmap((void *)data, map->bytes);
	return ret;
}

static int make(const struct restore_files *r, struct restore_memfd *m, struct err *err)
{
	bool anonymous = is_anonymous(m->image);
	auto_fd int fd =
		anonymous ? make_anonymous(m->image, err) : make_named(m->image, err);
	int ret;

	if (fd < 0)
		return fd;
	if (!anonymous && ftruncate(fd, m->image->size))
		return err_os(err, errno, "set its size");
	ret = fill(r, m, fd, err);
	if (!ret)
		m->fd = fd_steal(&fd);
	return ret;
}

static int open_first(const struct restore_memfd *m, uint32_t flags, struct err *err)
{
	auto_fd int fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0 || (flags & LATER_FLAGS && fcntl(fd, F_SETFL, flags & LATER_FLAGS)))
		return err_os(err, errno, "set its flags");
	return fd_steal(&fd);
}

static int open_another(const struct restore_memfd *m, uint32_t flags, struct err *err)
{
	char path[PROC_PATH_SIZE];
	int fd;

	proc_path(path, "/proc/self/fd/", m->fd, "");
	fd = open(path, (flags & OPEN_FLAGS) | O_CLOEXEC);
	return fd < 0 ? err_os(err, errno, "open it with flags %#o", flags) : fd;
}

static int open_one(struct restore_files *r, struct restore_memfd *m, const FileEntry *e,
	int *fd, struct err *err)
{
	const MemfdFileEntry *file = e->memfd;
	uint32_t flags = file->flags;
	bool mapping = restore_files_want_write(r, e->id) && !file->pos;
	auto_fd int new = -1;
	int ret = m->fd < 0 ? make(r, m, err) : 0;

	if (ret)
		return ret;
	if (restore_files_want_write(r, e->id))
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	if (e == m->first || (mapping && !(flags & LATER_FLAGS)))
		new = open_first(m, flags, err);
	else
		new = open_another(m, flags, err);
	if (new < 0)
		return new;
	if (file->pos && lseek(new, file->pos, SEEK_SET) < 0)
		return err_os(err, errno, "seek to %llu", (unsigned long long)file->pos);
	ret = fd_set_owner(new, file->fown, err);
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

int memfd_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	struct restore_memfd *m = memfd_of(r, e);
	int ret = open_one(r, m, e, fd, err);

	return ret ? err_in(err, ret, "%s", m->image->name) : 0;
}

/* ---- when all have it ---- */

static int settle_one(const struct restore_memfd *m, struct err *err)
{
	const MemfdInodeEntry *e = m->image;
	struct stat st;
	int seals = fcntl(m->fd, F_GET_SEALS);

	if (seals < 0 || fstat(m->fd, &st))
		return err_os(err, errno, "look at it");
	if ((st.st_uid != e->uid || st.st_gid != e->gid) && fchown(m->fd, e->uid, e->gid))
		return err_os(err, errno, "give it to user %u, group %u", e->uid, e->gid);
	if (e->has_mode && (st.st_mode ^ e->mode) & 07777 &&
		fchmod(m->fd, e->mode & 07777))
		return err_os(err, errno, "set its mode to %03o", e->mode & 07777);
	if (seals != (int)e->seals && fcntl(m->fd, F_ADD_SEALS, e->seals & ~seals))
		return err_os(err, errno, "add seals %#x", e->seals & ~seals);
	return 0;
}

int memfd_settle(struct restore_files *r, struct err *err)
{
	for (size_t i = 0; r->memfds && i < r->memfds->count; i++) {
		struct restore_memfd *m = &r->memfds->list[i];
		int ret = m->fd < 0 ? 0 : settle_one(m, err);

		if (ret)
			return err_in(err, ret, "%s", m->image->name);
	}
	memfd_release(r);
	return 0;
}

void memfd_release(struct restore_files *r)
{
	for (size_t i = 0; r->memfds && i < r->memfds->count; i++) {
		struct restore_memfd *m = &r->memfds->list[i];

		if (m->fd >= 0)
			close(m->fd);
		m->fd = -1;
	}
}
