// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fifos, at dump (restore: fifo-restore.c): pipes that were opened by a path.
 * The image has two entries for each open one: the fifo, which names the inode,
 * and a regular file, which is no descriptor of anybody and holds path, flags and
 * owner. What is in the buffer goes into fifo-data.img, as with pipes.
 *
 * Unlike a pipe, a fifo may well have its other end outside of the tree: as long
 * as the path is there, both meet again. The contents belong to the readers: when
 * all of them are outside, they are not in the dump.
 *
 * Surprise: poll(2) reports a hangup to a reader only if there has been a writer
 * since it was opened. A field of our own tells of a reader that has met none.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "crl/err.h"
#include "fd/fd.h"
#include "fd/fifo-restore.h"
#include "fd/files.h"
#include "fd/pipe.h"
#include "fd/reg.h"
#include "image/frame.h"
#include "proto/pipe-data.pb-c.h"
#include "task/task.h"

struct fifo_known {
	uint64_t dev, ino;
	uint32_t id, size;
	bool written; /* its contents are in the image */
};

struct files_fifos {
	struct fifo_known *list;
	size_t count, cap;
};

static bool fifo_probe(const struct fd_view *v)
{
	return S_ISFIFO(v->st.st_mode) && v->link[0] == '/' && !(v->flags & O_PATH);
}

/* An inode number is the id, unless a fifo of another file system has it. */
static uint32_t fifo_id(const struct files *f, const struct fifo_known *k)
{
	uint32_t id = k->ino;

	for (const struct fifo_known *other = f->fifos->list; other < k;)
		if (other->id != id)
			other++;
		else
			other = (id++, f->fifos->list); /* from the first again */
	return id;
}

static struct fifo_known *fifo_find(struct files *f, const struct fd_view *v)
{
	struct fifo_known new = { .dev = v->st.st_dev, .ino = v->st.st_ino }, *k;
	struct files_fifos *all = f->fifos;

	if (!all)
		all = f->fifos = arena_alloc(&f->arena, sizeof(*all));
	for (size_t i = all->count; i--;) /* mostly seen in a row */
		if (all->list[i].ino == new.ino && all->list[i].dev == new.dev)
			return &all->list[i];
	new.size = fcntl(v->local, F_GETPIPE_SZ);
	arena_push(&f->arena, all->list, all->count, all->cap, new);
	k = &all->list[all->count - 1];
	k->id = fifo_id(f, k);
	return k;
}

/* tee(2) waits for a writer only where there is one; it takes nothing. */
static bool fifo_unmet(const struct fd_view *v, short events)
{
	int scratch[2], queued = 0;
	bool unmet;

	if ((v->flags & O_ACCMODE) != O_RDONLY || (events & POLLHUP) ||
		ioctl(v->local, FIONREAD, &queued) || queued || pipe2(scratch, O_CLOEXEC))
		return false;
	unmet = tee(v->local, scratch[1], 1, SPLICE_F_NONBLOCK) == 0;
	close(scratch[0]);
	close(scratch[1]);
	return unmet;
}

static int fifo_describe(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	FileEntry *path = files_new(f, FD_TYPES__REG);
	char through[32];
	int ret;

	snprintf(through, sizeof(through), "fd/%d", v->fd);
	ret = reg_describe(f, v->task,
		&(struct reg_source){ .through = through, .name = v->link, .st = &v->st },
		path, err);
	if (ret)
		return ret;
	path->reg->flags = v->flags & (FIFO_OPEN_FLAGS | FIFO_STATUS_FLAGS);
	path->reg->fown = v->fown;
	e->fifo->has_regf_id = true;
	e->fifo->regf_id = path->id;
	return 0;
}

static int fifo_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	struct pollfd poll_one = { .fd = v->local, .events = POLLIN | POLLOUT };
	struct fifo_known *k = fifo_find(f, v);
	bool has_reader;
	int ret = 0;

	if (!v->st.st_nlink)
		return fd_refuse(f, v, "the fifo has no name any more",
			"close it before the dump, or keep its name");
	poll(&poll_one, 1, 0);
	has_reader = (v->flags & O_ACCMODE) == O_WRONLY && !(poll_one.revents & POLLERR);
	if (!k->written &&
		!has_reader) { /* else, if it is in the tree, it is yet to come */
		ret = pipe_write_data(f, v->local, k->id, f->out.fifos, err);
		k->written = true;
	}
	if (ret)
		return ret;
	e->fifo = arena_msg(&f->arena, FifoEntry, fifo_entry);
	e->fifo->id = e->id;
	e->fifo->pipe_id = k->id;
	e->fifo->has_crl_unmet = e->fifo->crl_unmet = fifo_unmet(v, poll_one.revents);
	return fifo_describe(f, v, e, err);
}

static int fifo_finish(struct files *f, struct err *err)
{
	PipeDataEntry e = PIPE_DATA_ENTRY__INIT;
	int ret = 0;

	e.has_size = true;
	for (size_t i = 0; f->fifos && i < f->fifos->count && !ret; i++) {
		e.pipe_id = f->fifos->list[i].id;
		e.size = f->fifos->list[i].size;
		if (!f->fifos->list[i].written)
			ret = image_writer_record(f->out.fifos, &e.base, err);
	}
	return ret;
}

static void fifo_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "fifo:[%u], path in file %u", e->fifo->pipe_id,
		e->fifo->regf_id);
}

const struct fd_ops fifo_ops = {
	.name = "fifo",
	.type = FD_TYPES__FIFO,
	.probe = fifo_probe,
	.dump = fifo_dump,
	.finish = fifo_finish,
	.load = fifo_load,
	.release = fifo_release,
	.verify = fifo_verify,
	.open = fifo_open,
	.show = fifo_show,
};
