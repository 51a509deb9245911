// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ghost files: unlinked, but still open or mapped. Nobody can reach them by a
 * path, so their contents are in the dump: ghost-file-ID.img, one for each
 * inode, with owner, mode and times, and the data in chunks without the holes
 * (small files whole). A remap entry ties a file of files.img to its ghost.
 *
 * Restore makes the file under its old name, or, where that is taken,
 * under the name with ".cr.ID.ghost" behind it; opens it for everybody who had
 * it; and unlinks it when all have it. Reopening goes through the descriptor
 * that made it, so a name is never trusted twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/ghost.h"
#include "fd/reg.h"
#include "fd/restore-files.h"
#include "image/frame.h"
#include "image/sums.h"
#include "proto/ghost-file.pb-c.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

#define CHUNKED_FROM 12288
#define COPY_SIZE    65536

struct files_ghosts {
	struct ghost_known {
		dev_t dev;
		ino_t ino;
		uint32_t id;
	} * list;
	size_t count, cap;
};

struct ghost_file {
	uint32_t id;
	const GhostFileEntry *entry;
	const char *name;
	const uint8_t *data; /* raw bytes behind the entry */
	size_t size;
	int fd;	    /* the file, once made */
	char *made; /* the name it has until it is unlinked */
};

static int add_remap(struct files *f, const FileEntry *e, uint32_t ghost)
{
	RemapFilePathEntry *r =
		arena_msg(&f->arena, RemapFilePathEntry, remap_file_path_entry);

	r->orig_id = e->id;
	r->remap_id = ghost;
	r->has_remap_type = true;
	r->remap_type = REMAP_TYPE__GHOST;
	arena_push(&f->arena, f->remap, f->remaps, f->remap_cap, r);
	e->reg->has_size = false;
	return 0;
}

static int write_extent(
	int fd, off_t from, off_t to, struct image_writer *w, struct err *err)
{
	auto_free uint8_t *buf = malloc(COPY_SIZE);
	int ret = 0;

	if (!buf)
		return err_os(err, ENOMEM, "buffer for an unlinked file");
	while (from < to && !ret) {
		size_t want = to - from < COPY_SIZE ? to - from : COPY_SIZE;
		ssize_t n = pread(fd, buf, want, from);

		if (n <= 0)
			return err_os(err, n ? errno : EIO, "read an unlinked file");
		ret = image_writer_bytes(w, buf, n, err);
		from += n;
	}
	return ret;
}

static int write_chunks(int fd, off_t size, struct image_writer *w, struct err *err)
{
	off_t data = 0, hole;
	int ret = 0;

	while (!ret && (data = lseek(fd, data, SEEK_DATA)) >= 0 && data < size) {
		GhostChunkEntry c = GHOST_CHUNK_ENTRY__INIT;

		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 || hole > size)
			hole = size;
		c.off = data;
		c.len = hole - data;
		ret = image_writer_record(w, &c.base, err);
		if (!ret)
			ret = write_extent(fd, data, hole, w, err);
		data = hole;
	}
	return ret;
}

static GhostFileEntry *ghost_entry(struct arena *a, const struct stat *st)
{
	GhostFileEntry *g = arena_msg(a, GhostFileEntry, ghost_file_entry);

	g->uid = st->st_uid;
	g->gid = st->st_gid;
	g->mode = st->st_mode;
	g->has_dev = g->has_ino = true;
	g->dev = major(st->st_dev) << 20 | minor(st->st_dev);
	g->ino = st->st_ino;
	g->atim = arena_msg(a, Timeval, timeval);
	g->atim->tv_sec = st->st_atim.tv_sec;
	g->atim->tv_usec = st->st_atim.tv_nsec / 1000;
	g->mtim = arena_msg(a, Timeval, timeval);
	g->mtim->tv_sec = st->st_mtim.tv_sec;
	g->mtim->tv_usec = st->st_mtim.tv_nsec / 1000;
	if (S_ISREG(st->st_mode) && st->st_size >= CHUNKED_FROM) {
		g->has_chunks = g->has_size = true;
		g->chunks = true;
		g->size = st->st_size;
	}
	return g;
}

static int ghost_write(struct files *f, struct dump_task *t, const struct reg_source *src,
	uint32_t id, struct err *err)
{
	GhostFileEntry *g = ghost_entry(&f->arena, src->st);
	struct image_writer w = { 0 };
	auto_fd int fd = -1;
	int ret = image_writer_start(&w, IMAGE_GHOST_FILE, id, err);

	if (!ret)
		ret = image_writer_record(&w, &g->base, err);
	if (!ret && S_ISREG(src->st->st_mode)) {
		fd = openat(t->proc, src->through, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			ret = err_os(err, errno, "open %s", src->through);
		else if (g->chunks)
			ret = write_chunks(fd, src->st->st_size, &w, err);
		else
			ret = write_extent(fd, 0, src->st->st_size, &w, err);
	}
	if (!ret)
		ret = sums_finish_image(f->out.sums, &w, f->out.dir, err);
	image_writer_deinit(&w);
	return ret;
}

static int ghost_refuse(
	struct files *f, struct dump_task *t, const struct reg_source *src)
{
	uint64_t bytes = (uint64_t)src->st->st_blocks * 512;
	const char *what = NULL, *remedy = NULL;

	if (!S_ISREG(src->st->st_mode)) {
		what = "it was removed, and only regular files come back without a name";
		remedy = "create it again, or close it";
	} else if (bytes > f->opt->ghost_limit) {
		what = "it was unlinked and is larger than the limit for such files";
		remedy = "pass --ghost-limit with a larger size, to store it in the dump";
	}
	if (!what)
		return 0;
	obstacles_add(f->obstacles, t->pid, t->stat.comm, remedy,
		"%s (%s): %s (%llu bytes)", src->through, src->name, what,
		(unsigned long long)bytes);
	return FD_REFUSED;
}

int ghost_dump(struct files *f, struct dump_task *t, const struct reg_source *src,
	FileEntry *e, struct err *err)
{
	struct files_ghosts *all = f->ghosts;
	struct ghost_known new = { src->st->st_dev, src->st->st_ino, 0 };
	int ret;

	if (!all)
		all = f->ghosts = arena_alloc(&f->arena, sizeof(*all));
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].dev == new.dev && all->list[i].ino == new.ino)
			return add_remap(f, e, all->list[i].id);
	ret = ghost_refuse(f, t, src);
	if (ret)
		return ret;
	new.id = all->count + 1;
	ret = ghost_write(f, t, src, new.id, err);
	if (ret)
		return ret;
	arena_push(&f->arena, all->list, all->count, all->cap, new);
	return add_remap(f, e, new.id);
}

int ghost_finish(struct files *f, struct err *err)
{
	return 0;
}

/* The chunks must lie inside the file, in ascending order. */
static int verify_chunks(
	struct restore_files *r, struct image_reader *rd, uint64_t size, struct err *err)
{
	uint64_t end = 0;
	int ret;

	for (;;) {
		struct ProtobufCMessage *msg;
		const GhostChunkEntry *c;
		const void *bytes;

		ret = image_reader_next(
			rd, &ghost_chunk_entry__descriptor, &r->arena.pb, &msg, err);
		if (ret <= 0)
			return ret;
		c = (const GhostChunkEntry *)msg;
		if (c->off < end || c->len > size || c->off > size - c->len)
			return err_set(err, EINVAL,
				"%s: a chunk lies outside of the file", rd->name);
		end = c->off + c->len;
		ret = image_reader_bytes(rd, c->len, &bytes, err);
		if (ret)
			return ret;
	}
}

int ghost_load(struct restore_files *r, uint32_t id, const char *name,
	struct ghost_file **ghost, struct err *err)
{
	struct ghost_file *g = arena_alloc(&r->arena, sizeof(*g));
	struct image_reader rd = { 0 };
	struct ProtobufCMessage *msg;
	int ret = image_reader_load(&rd, r->dir, IMAGE_GHOST_FILE, id, r->version, err);

	if (ret == IMAGE_NOT_THERE)
		ret = err_set(err, ENOENT, "ghost-file-%x.img is missing", id);
	if (!ret)
		ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	if (!ret)
		ret = image_reader_next(
			&rd, &ghost_file_entry__descriptor, &r->arena.pb, &msg, err);
	if (ret == IMAGE_END)
		ret = err_set(err, EINVAL, "%s: empty", rd.name);
	if (ret < 0)
		goto out;
	*g = (struct ghost_file){
		.id = id, .entry = (GhostFileEntry *)msg, .name = name, .fd = -1
	};
	g->size = image_reader_rest(&rd);
	g->data = arena_copy(&r->arena, rd.data + rd.pos, g->size);
	ret = 0;
	if (!S_ISREG(g->entry->mode))
		ret = err_set(
			err, EOPNOTSUPP, "%s: only regular files are restored", rd.name);
	else if (g->entry->chunks)
		ret = verify_chunks(r, &rd, g->entry->size, err);
	*ghost = g;
out:
	image_reader_deinit(&rd);
	return ret < 0 ? ret : 0;
}

static int fill_chunks(const struct ghost_file *g, struct err *err)
{
	struct image_reader rd = {
		.data = g->data, .size = g->size, .name = "an unlinked file"
	};
	int ret;

	if (ftruncate(g->fd, g->entry->size))
		return err_os(err, errno, "set its size");
	for (;;) {
		struct ProtobufCMessage *msg;
		GhostChunkEntry *c;
		const void *bytes;

		ret = image_reader_next(
			&rd, &ghost_chunk_entry__descriptor, NULL, &msg, err);
		if (ret <= 0)
			return ret;
		c = (GhostChunkEntry *)msg;
		ret = image_reader_bytes(&rd, c->len, &bytes, err);
		if (!ret && pwrite(g->fd, bytes, c->len, c->off) != (ssize_t)c->len)
			ret = err_os(err, errno, "write");
		ghost_chunk_entry__free_unpacked(c, NULL);
		if (ret)
			return ret;
	}
}

static int ghost_fill(const struct ghost_file *g, struct err *err)
{
	const GhostFileEntry *e = g->entry;
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_nsec = UTIME_OMIT } };
	int ret;

	if (e->chunks)
		ret = fill_chunks(g, err);
	else if (pwrite(g->fd, g->data, g->size, 0) != (ssize_t)g->size)
		ret = err_os(err, errno, "write");
	else
		ret = 0;
	if (ret)
		return ret;
	if (fchown(g->fd, e->uid, e->gid) || fchmod(g->fd, e->mode & 07777))
		return err_os(err, errno, "set owner and mode");
	if (e->atim)
		times[0] = (struct timespec){ e->atim->tv_sec, e->atim->tv_usec * 1000 };
	if (e->mtim)
		times[1] = (struct timespec){ e->mtim->tv_sec, e->mtim->tv_usec * 1000 };
	return futimens(g->fd, times) ? err_os(err, errno, "set its times") : 0;
}

static int ghost_make(struct ghost_file *g, struct err *err)
{
	int how = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int ret;

	if (asprintf(&g->made, "%s", g->name) < 0)
		return err_os(err, ENOMEM, "name of an unlinked file");
	g->fd = open(g->made, how, 0600);
	if (g->fd < 0 && errno == EEXIST) {
		free(g->made);
		if (asprintf(&g->made, "%s.cr.%x.ghost", g->name, g->id) < 0)
			return err_os(err, ENOMEM, "name of an unlinked file");
		g->fd = open(g->made, how, 0600);
	}
	if (g->fd < 0) {
		ret = err_os(err, errno, "%s: make the unlinked file again", g->made);
		free(g->made);
		g->made = NULL;
		return ret;
	}
	ret = ghost_fill(g, err);
	return ret ? err_in(err, ret, "%s", g->name) : 0;
}

int ghost_open(struct restore_files *r, const struct ghost_file *ghost, int flags,
	struct err *err)
{
	struct ghost_file *g = (struct ghost_file *)ghost; /* owned by r */
	struct stat made, opened;
	char path[32];
	auto_fd int fd = -1;
	int ret = g->fd < 0 ? ghost_make(g, err) : 0;

	if (ret)
		return ret;
	/* The link below /proc cannot be opened with O_NOFOLLOW: then by name, and
	 * compared. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", g->fd);
	fd = open(flags & O_NOFOLLOW ? g->made : path, flags);
	if (fd < 0)
		return err_os(err, errno, "%s: open the unlinked file", g->name);
	if (fstat(g->fd, &made) || fstat(fd, &opened) || made.st_ino != opened.st_ino ||
		made.st_dev != opened.st_dev)
		return err_set(
			err, EIO, "%s: somebody put another file in its place", g->name);
	return fd_steal(&fd);
}

void ghost_clean(struct ghost_file *g)
{
	if (g->made)
		unlink(g->made);
	free(g->made);
	g->made = NULL;
	if (g->fd >= 0)
		close(g->fd);
	g->fd = -1;
}
