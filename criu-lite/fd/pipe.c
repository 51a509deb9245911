// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipes. All descriptors of one pipe show the same inode; the access mode tells
 * the end. What is in the buffer is copied by tee(2), which takes nothing away,
 * into a pipe of our own, and read there. In packet mode (O_DIRECT) every
 * read gives one packet: their lengths go into a field of our own.
 *
 * A pipe whose other end is held outside of the tree cannot come back. It shows
 * when the tree has one end only: poll(2) on it then tells whether anybody has
 * the other.
 *
 * Restore: one pipe2(), its size, its contents; each open file description that
 * is not one of the two it made is opened anew through /proc/self/fd.
 * An end that nobody in the tree has stays closed: readers see the end of file,
 * writers get EPIPE, as before.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/pipe.h"
#include "fd/restore-files.h"
#include "image/frame.h"
#include "image/sums.h"
#include "proto/pipe-data.pb-c.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

#define STATUS_FLAGS (O_NONBLOCK | O_DIRECT | O_ASYNC | O_APPEND | O_NOATIME)
#define PIPE_MAX     (64u << 20)

struct pipe_known {
	uint32_t id;
	bool reader, writer; /* ends that the tree has */
	bool outside;	     /* somebody else has the other end of what was seen */
	pid_t pid;
	const char *comm, *what;
};

struct files_pipes {
	struct pipe_known *list;
	size_t count, cap;
};

static bool pipe_probe(const struct fd_view *v)
{
	return S_ISFIFO(v->st.st_mode) && !strncmp(v->link, "pipe:[", 6);
}

static struct pipe_known *pipe_find(struct files *f, uint32_t id)
{
	struct files_pipes *all = f->pipes;
	struct pipe_known new = { .id = id };

	if (!all)
		all = f->pipes = arena_alloc(&f->arena, sizeof(*all));
	for (size_t i = all->count;
		i--;) /* the ends of a pipe are mostly seen in a row */
		if (all->list[i].id == id)
			return &all->list[i];
	arena_push(&f->arena, all->list, all->count, all->cap, new);
	return &all->list[all->count - 1];
}

/* tee fills a copy; packets come out of it one a read. */
static int pipe_copy(int fd, int size, uint8_t **data, uint32_t *len, uint32_t **packet,
	size_t *packets, struct err *err)
{
	char path[32];
	auto_fd int in = -1, from = -1, to = -1;
	int copy[2];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (in < 0 || pipe2(copy, O_NONBLOCK | O_CLOEXEC))
		return err_os(err, errno, "open the pipe's contents");
	from = copy[0];
	to = copy[1];
	if (fcntl(to, F_SETPIPE_SZ, size) < 0)
		return err_os(err, errno, "make a pipe of %d bytes", size);
	if (tee(in, to, PIPE_MAX, SPLICE_F_NONBLOCK) < 0 && errno != EAGAIN)
		return err_os(err, errno, "copy the pipe's contents");
	*data = malloc(size);
	*packet = malloc(
		(size / 4096 + 1) * sizeof(**packet)); /* a buffer holds a page at most */
	if (!*data || !*packet)
		return err_os(err, ENOMEM, "contents of a pipe");
	while ((n = read(from, *data + *len, size - *len)) > 0) {
		(*packet)[(*packets)++] = n;
		*len += n;
	}
	return 0;
}

int pipe_write_data(struct files *f, int fd, uint32_t pipe_id, struct image_writer *w,
	struct err *err)
{
	PipeDataEntry e = PIPE_DATA_ENTRY__INIT;
	auto_free uint8_t *data = NULL;
	auto_free uint32_t *packet = NULL;
	size_t packets = 0;
	int size = fcntl(fd, F_GETPIPE_SZ), queued = 0, ret = 0;

	if (size < 0 || ioctl(fd, FIONREAD, &queued))
		return err_os(err, errno, "ask a pipe for its size");
	e.pipe_id = pipe_id;
	e.has_size = true;
	e.size = size;
	if (queued)
		ret = pipe_copy(fd, size, &data, &e.bytes, &packet, &packets, err);
	if (!ret && e.bytes != (uint32_t)queued)
		ret = err_set(err, EIO, "a pipe holds %d bytes, and %u could be copied",
			queued, e.bytes);
	if (ret)
		return ret;
	e.n_crl_packets = packets;
	e.crl_packets = packet;
	ret = image_writer_record(w, &e.base, err);
	return ret ? ret : image_writer_bytes(w, data, e.bytes, err);
}

static int pipe_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	uint32_t id = v->st.st_ino;
	struct pipe_known *p = pipe_find(f, id);
	struct pollfd poll_one = { .fd = v->local, .events = POLLIN | POLLOUT };
	int mode = v->flags & O_ACCMODE, ret = 0;

	if (!p->reader && !p->writer)
		ret = pipe_write_data(f, v->local, id, f->out.pipes, err);
	if (ret)
		return ret;
	if (!p->pid) {
		p->pid = v->task->pid;
		p->comm = arena_text(&f->arena, v->task->stat.comm);
		p->what = arena_printf(&f->arena, "fd %d (%s)", v->fd, v->link);
	}
	poll(&poll_one, 1, 0);
	p->reader |= mode != O_WRONLY;
	p->writer |= mode != O_RDONLY;
	if (mode != O_RDWR)
		p->outside = !(poll_one.revents & (mode == O_RDONLY ? POLLHUP : POLLERR));
	e->pipe = arena_msg(&f->arena, PipeEntry, pipe_entry);
	e->pipe->id = e->id;
	e->pipe->pipe_id = id;
	e->pipe->flags = v->flags;
	e->pipe->fown = v->fown;
	return 0;
}

static int pipe_finish(struct files *f, struct err *err)
{
	for (size_t i = 0; f->pipes && i < f->pipes->count; i++) {
		const struct pipe_known *p = &f->pipes->list[i];

		if (p->reader != p->writer && p->outside)
			obstacles_add(f->obstacles, p->pid, p->comm,
				"redirect it to a file, or dump the task at the other "
				"end too",
				"%s: the %s end of the pipe is held by a task outside of "
				"the tree",
				p->what, p->reader ? "writing" : "reading");
	}
	return 0;
}

/* A pipe at restore. */
struct pipe_made {
	uint32_t id;
	const PipeDataEntry *record;
	const uint8_t *data;
	unsigned readers, writers; /* descriptions not yet opened */
	int reader, writer;	   /* what pipe2 gave; -1 before */
	bool reader_used, writer_used;
	bool packets; /* some writer is in packet mode */
};

struct restore_pipes {
	struct pipe_made *list;
	size_t count, cap;
};

static struct pipe_made *pipe_made(struct restore_files *r, uint32_t id)
{
	struct restore_pipes *all = r->pipes;
	struct pipe_made new = { .id = id, .reader = -1, .writer = -1 };
	size_t lo = 0, hi;

	if (!all)
		all = r->pipes = arena_alloc(&r->arena, sizeof(*all));
	for (hi = all->count; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (all->list[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < all->count && all->list[lo].id == id)
		return &all->list[lo];
	arena_push(&r->arena, all->list, all->count, all->cap, new);
	memmove(all->list + lo + 1, all->list + lo,
		(all->count - 1 - lo) * sizeof(*all->list));
	all->list[lo] = new;
	return &all->list[lo];
}

static int pipe_load_record(struct restore_files *r, struct image_reader *rd,
	const PipeDataEntry *e, struct err *err)
{
	struct pipe_made *p = pipe_made(r, e->pipe_id);
	uint64_t sum = 0;
	const void *bytes;
	int ret = image_reader_bytes(rd, e->bytes, &bytes, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < e->n_crl_packets; i++)
		sum += e->crl_packets[i];
	if ((e->n_crl_packets && sum != e->bytes) || e->bytes > PIPE_MAX ||
		e->size > PIPE_MAX)
		return err_set(err, EINVAL,
			"%s: pipe %u has sizes that do not fit together", rd->name,
			e->pipe_id);
	if (p->record)
		return err_set(err, EINVAL, "%s: pipe %u twice", rd->name, e->pipe_id);
	p->record = e;
	p->data = arena_copy(&r->arena, bytes, e->bytes);
	return 0;
}

static int pipe_load(struct restore_files *r, struct err *err)
{
	struct image_reader rd = { 0 };
	struct ProtobufCMessage *msg;
	int ret = image_reader_load(&rd, r->dir, IMAGE_PIPES_DATA, 0, r->version, err);

	if (!ret)
		ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	while (!ret && (ret = image_reader_next(&rd, &pipe_data_entry__descriptor,
				&r->arena.pb, &msg, err)) > 0)
		ret = pipe_load_record(r, &rd, (const PipeDataEntry *)msg, err);
	image_reader_deinit(&rd);
	for (size_t i = 0; ret >= 0 && i < r->count; i++) {
		const FileEntry *e = r->file[i].entry;

		if (!e || e->type != FD_TYPES__PIPE || !e->pipe || !r->file[i].refs)
			continue;
		if ((e->pipe->flags & O_ACCMODE) == O_WRONLY)
			pipe_made(r, e->pipe->pipe_id)->writers++;
		else
			pipe_made(r, e->pipe->pipe_id)->readers++;
		if (e->pipe->flags & O_DIRECT)
			pipe_made(r, e->pipe->pipe_id)->packets = true;
	}
	return ret < 0 ? ret : 0;
}

static int pipe_verify(const struct restore_files *r, const FileEntry *e, struct err *err)
{
	if (!e->pipe || e->pipe->id != e->id)
		return err_set(err, EINVAL, "file %u: no pipe", e->id);
	return 0;
}

int pipe_fill(int writer, const void *record, const uint8_t *data, struct err *err)
{
	const PipeDataEntry *e = record;
	size_t n = e->n_crl_packets ? e->n_crl_packets : 1;
	bool packets = fcntl(writer, F_GETFL) & O_DIRECT;

	for (size_t i = 0; i < n && e->bytes; i++) {
		uint32_t len = e->n_crl_packets && packets ? e->crl_packets[i] : e->bytes;

		if (write(writer, data, len) != (ssize_t)len)
			return err_os(err, errno, "fill a pipe with %u bytes", len);
		data += len;
		if (!packets)
			break;
	}
	return 0;
}

static int pipe_make(struct pipe_made *p, struct err *err)
{
	int fd[2], ret = 0;

	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK | (p->packets ? O_DIRECT : 0)))
		return err_os(err, errno, "make a pipe");
	p->reader = fd[0];
	p->writer = fd[1];
	if (p->record && p->record->has_size &&
		fcntl(p->writer, F_SETPIPE_SZ, p->record->size) < 0)
		return err_os(err, errno, "make a pipe of %u bytes", p->record->size);
	if (p->record)
		ret = pipe_fill(p->writer, p->record, p->data, err);
	return ret;
}

static int pipe_take_end(int *end, bool *used, int flags, struct err *err)
{
	char path[32];
	int fd;

	if (!*used) {
		*used = true;
		fd = fcntl(*end, F_DUPFD_CLOEXEC, 0);
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", *end);
		fd = open(path, (flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC);
	}
	return fd < 0 ? err_os(err, errno, "open an end of a pipe") : fd;
}

static void close_end(int *end)
{
	if (*end >= 0)
		close(*end);
	*end = -1;
}

static int pipe_open(
	struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	struct pipe_made *p = pipe_made(r, e->pipe->pipe_id);
	bool writing = (e->pipe->flags & O_ACCMODE) == O_WRONLY;
	bool both = (e->pipe->flags & O_ACCMODE) == O_RDWR;
	struct f_owner_ex owner;
	int new, ret = p->reader < 0 && p->writer < 0 ? pipe_make(p, err) : 0;

	if (ret)
		return ret;
	if (both)
		p->reader_used = true; /* opened anew: neither end of pipe2 is both */
	new = writing ? pipe_take_end(&p->writer, &p->writer_used, e->pipe->flags, err)
		      : pipe_take_end(&p->reader, &p->reader_used, e->pipe->flags, err);
	if (new < 0)
		return new;
	*fd = new;
	if (fcntl(new, F_SETFL, e->pipe->flags & STATUS_FLAGS))
		return err_os(err, errno, "set the flags of a pipe");
	if (e->pipe->fown && e->pipe->fown->pid) {
		owner = (struct f_owner_ex){ e->pipe->fown->pid_type,
			e->pipe->fown->pid };
		if (fcntl(new, F_SETSIG, e->pipe->fown->signum) ||
			fcntl(new, F_SETOWN_EX, &owner))
			return err_os(err, errno, "set the owner of a pipe");
	}
	if (writing)
		p->writers--;
	else
		p->readers--;
	if (!p->readers && !p->writers) { /* everybody has what they need */
		close_end(&p->reader);
		close_end(&p->writer);
	}
	return 0;
}

static void pipe_release(struct restore_files *r)
{
	for (size_t i = 0; r->pipes && i < r->pipes->count; i++) {
		close_end(&r->pipes->list[i].reader);
		close_end(&r->pipes->list[i].writer);
	}
}

static void pipe_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "pipe:[%u] %s", e->pipe->pipe_id,
		(e->pipe->flags & O_ACCMODE) == O_WRONLY ? "writing" : "reading");
}

const struct fd_ops pipe_ops = {
	.name = "pipe",
	.type = FD_TYPES__PIPE,
	.probe = pipe_probe,
	.dump = pipe_dump,
	.finish = pipe_finish,
	.load = pipe_load,
	.release = pipe_release,
	.verify = pipe_verify,
	.open = pipe_open,
	.show = pipe_show,
};
