// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files made by memfd_create(2). They lie on the kernel's own tmpfs, as shared
 * anonymous memory does, and have a name that serves for nothing but the link
 * below /proc: "/memfd:NAME (deleted)". One on a real file system could have the
 * same name, so the device decides.
 *
 * A memfd is reached through any descriptor, mapping or program file of it. Each
 * open file is a MemfdFileEntry with flags and position, each memfd itself a
 * MemfdInodeEntry in memfd.img: name, size, owner, mode, seals. What is in it is
 * written like a segment of shared memory (mem/shmem.c): only pages that exist.
 *
 * MFD_ALLOW_SEALING is not kept anywhere: without it the file is born with
 * F_SEAL_SEAL. MFD_NOEXEC_SEAL is F_SEAL_EXEC and a mode without execution
 * (Linux 6.3). Huge pages (MFD_HUGETLB) lie on a hugetlbfs, and are refused.
 *
 * Not carried: times, extended attributes, room reserved by fallocate, the inode
 * number. Whoever outside of the tree has the same memfd keeps the old one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/file.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/memfd.h"
#include "fd/reg.h"
#include "feature.h"
#include "image/frame.h"
#include "image/sums.h"
#include "mem/shmem.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

#define PREFIX	"/memfd:"
#define DELETED " (deleted)"

struct files_memfds {
	MemfdInodeEntry **list;
	size_t count, cap;
};

static bool named_so(const char *name, const struct stat *st)
{
	return S_ISREG(st->st_mode) && !st->st_nlink &&
	       !strncmp(name, PREFIX, strlen(PREFIX));
}

bool memfd_is(const char *name, const struct stat *st)
{
	auto_fd int own = -1;
	struct stat st_own;

	if (!named_so(name, st))
		return false;
	own = memfd_create("", MFD_CLOEXEC);
	return own >= 0 && !fstat(own, &st_own) && st_own.st_dev == st->st_dev;
}

static bool has_huge_pages(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC;
}

static bool memfd_probe(const struct fd_view *v)
{
	return memfd_is(v->link, &v->st) ||
	       (named_so(v->link, &v->st) && has_huge_pages(v->local));
}

static MemfdInodeEntry *known(const struct files_memfds *all, ino_t ino)
{
	for (size_t i = all->count; i--;)
		if (all->list[i]->shmid == ino)
			return all->list[i];
	return NULL;
}

static const char *plain_name(struct files *f, const char *link)
{
	char *name = arena_text(&f->arena, link + strlen(PREFIX));
	size_t n = strlen(name), d = strlen(DELETED);

	if (n >= d && !strcmp(name + n - d, DELETED))
		name[n - d] = '\0';
	return name;
}

/* `fd` is an open file of our own, so that looking for holes moves nobody's position. */
static int enter_new(struct files *f, const char *link, const struct stat *st, int *fd,
	MemfdInodeEntry **inode, struct err *err)
{
	MemfdInodeEntry *e = arena_msg(&f->arena, MemfdInodeEntry, memfd_inode_entry);
	int seals = fcntl(*fd, F_GET_SEALS);

	if (seals < 0)
		return err_os(err, errno, "F_GET_SEALS");
	if (st->st_ino > UINT32_MAX)
		return err_set(err, EOVERFLOW,
			"inode number %llu has no place in an image",
			(unsigned long long)st->st_ino);
	e->name = (char *)plain_name(f, link);
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->size = st->st_size;
	e->shmid = st->st_ino;
	e->seals = seals;
	e->inode_id = f->memfds->count + 1;
	e->has_mode = true;
	e->mode = st->st_mode;
	e->has_crl_memfd = e->crl_memfd = !strcmp(e->name, "/dev/zero");
	arena_push(&f->arena, f->memfds->list, f->memfds->count, f->memfds->cap, e);
	*inode = e;
	return shmem_file(f->out.shmem, st->st_ino, fd_steal(fd), err);
}

/* The memfd behind `through`, a link below /proc that `dir` is open on. */
static int enter(struct files *f, int dir, const char *through, const char *link,
	const struct stat *st, MemfdInodeEntry **inode, struct err *err)
{
	auto_fd int fd = -1;

	if (!f->memfds)
		f->memfds = arena_alloc(&f->arena, sizeof(*f->memfds));
	*inode = known(f->memfds, st->st_ino);
	if (*inode)
		return 0;
	fd = openat(dir, through, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_os(err, errno, "open %s to read it", through);
	return enter_new(f, link, st, &fd, inode, err);
}

static MemfdFileEntry *file_entry(
	struct files *f, FileEntry *e, const MemfdInodeEntry *inode)
{
	e->memfd = arena_msg(&f->arena, MemfdFileEntry, memfd_file_entry);
	e->memfd->id = e->id;
	e->memfd->inode_id = inode->inode_id;
	return e->memfd;
}

int memfd_describe(struct files *f, struct dump_task *t, const struct reg_source *src,
	uint32_t how, FileEntry *e, struct err *err)
{
	MemfdInodeEntry *inode;
	int ret = enter(f, t->proc, src->through, src->name, src->st, &inode, err);

	if (ret)
		return err_in(err, ret, "memfd");
	file_entry(f, e, inode);
	e->memfd->flags = how;
	e->memfd->fown = arena_msg(&f->arena, FownEntry, fown_entry);
	return 0;
}

static int memfd_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	MemfdInodeEntry *inode;
	char path[PROC_PATH_SIZE];
	int ret;

	if (has_huge_pages(v->local))
		return fd_refuse(f, v,
			"a memfd of huge pages (MFD_HUGETLB) is not carried yet",
			"close it before the dump, or make it without MFD_HUGETLB");
	proc_path(path, "/proc/self/fd/", v->local, "");
	ret = enter(f, AT_FDCWD, path, v->link, &v->st, &inode, err);
	if (ret)
		return ret;
	file_entry(f, e, inode);
	e->memfd->flags = v->flags;
	e->memfd->pos = v->pos;
	e->memfd->fown = v->fown;
	return 0;
}

static int memfd_finish(struct files *f, struct err *err)
{
	struct image_writer w = { 0 };
	int ret;

	if (!f->memfds)
		return 0;
	ret = image_writer_start(&w, IMAGE_MEMFD, 0, err);
	for (size_t i = 0; i < f->memfds->count && !ret; i++)
		ret = image_writer_record(&w, &f->memfds->list[i]->base, err);
	if (!ret)
		ret = sums_finish_image(f->out.sums, &w, f->out.dir, err);
	image_writer_deinit(&w);
	return ret;
}

static void memfd_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "at %llu", (unsigned long long)e->memfd->pos);
}

static int memfd_check(struct err *err)
{
	auto_fd int fd =
		memfd_create("check", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EACCES)
		return feature_limited(err, "only those made with MFD_NOEXEC_SEAL, "
					    "as long as the sysctl vm.memfd_noexec is 2");
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("check", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_os(err, errno, "make one");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) || fcntl(fd, F_GET_SEALS) != F_SEAL_GROW)
		return err_os(err, errno, "seal it");
	return 0;
}

const struct fd_ops memfd_ops = {
	.name = "memfd",
	.type = FD_TYPES__MEMFD,
	.probe = memfd_probe,
	.dump = memfd_dump,
	.finish = memfd_finish,
	.load = memfd_load,
	.release = memfd_release,
	.verify = memfd_verify,
	.open = memfd_open,
	.settle = memfd_settle,
	.show = memfd_show,
	.check = memfd_check,
};
