// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fifos, at restore. Opening a fifo waits for the other end, so crl first opens
 * it for both, which never waits, and then each end without waiting; the flags
 * follow. When all are open, crl closes its own, and an end that nobody has
 * is absent again.
 *
 * The first to open it puts the contents in. But when something is in the fifo
 * already, somebody outside of the tree has held it all the time: then it has
 * what it had, and nothing is added.
 *
 * Since crl's own writing end counts as a writer that has come and gone, a reader
 * that has met none before the dump is opened when crl holds a reader only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "fd/fd.h"
#include "fd/fifo-restore.h"
#include "fd/owner.h"
#include "fd/pipe.h"
#include "fd/reg.h"
#include "fd/restore-files.h"
#include "image/frame.h"
#include "proto/pipe-data.pb-c.h"

#define DATA_MAX (64u << 20)

struct fifo_made {
	uint32_t id;
	unsigned left; /* descriptions not yet opened */
	bool packets;  /* some description is in packet mode */
	const PipeDataEntry *record;
	const uint8_t *data;
	int hold; /* keeps it from vanishing in between; -1 before */
};

struct restore_fifos {
	struct fifo_made *list; /* by id */
	size_t count, cap;
};

static int made_cmp(const void *left, const void *right)
{
	const struct fifo_made *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

static struct fifo_made *made_find(const struct restore_files *r, uint32_t id)
{
	struct fifo_made key = { .id = id };

	if (!r->fifos->count)
		return NULL;
	return bsearch(&key, r->fifos->list, r->fifos->count, sizeof(key), made_cmp);
}

static const FileEntry *fifo_path(const struct restore_files *r, const FileEntry *e)
{
	const FileEntry *path = e->fifo && e->fifo->has_regf_id
					? restore_files_entry(r, e->fifo->regf_id)
					: NULL;

	return path && path->type == FD_TYPES__REG && path->reg ? path : NULL;
}

/* One for each fifo that somebody needs. */
static void load_made(struct restore_files *r)
{
	struct restore_fifos *all = r->fifos;
	size_t kept = 0;

	for (size_t i = 0; i < r->count; i++) {
		const FileEntry *e = r->file[i].entry, *path;
		struct fifo_made new = { .hold = -1, .left = 1 };

		if (!e || e->type != FD_TYPES__FIFO || !r->file[i].refs)
			continue;
		path = fifo_path(r, e);
		if (!path)
			continue; /* verify will tell */
		new.id = e->fifo->pipe_id;
		new.packets = path->reg->flags &O_DIRECT;
		arena_push(&r->arena, all->list, all->count, all->cap, new);
	}
	if (all->count)
		qsort(all->list, all->count, sizeof(*all->list), made_cmp);
	for (size_t i = 0; i < all->count; i++) {
		if (kept && all->list[kept - 1].id == all->list[i].id) {
			all->list[kept - 1].left++;
			all->list[kept - 1].packets |= all->list[i].packets;
		} else {
			all->list[kept++] = all->list[i];
		}
	}
	all->count = kept;
}

static int load_record(struct restore_files *r, struct image_reader *rd,
	const PipeDataEntry *e, struct err *err)
{
	struct fifo_made *m = made_find(r, e->pipe_id);
	uint64_t sum = 0;
	const void *bytes;
	int ret = image_reader_bytes(rd, e->bytes, &bytes, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < e->n_crl_packets; i++)
		sum += e->crl_packets[i];
	if ((e->n_crl_packets && sum != e->bytes) || e->bytes > DATA_MAX ||
		e->size > DATA_MAX)
		return err_set(err, EINVAL,
			"%s: fifo %u has sizes that do not fit together", rd->name,
			e->pipe_id);
	if (!m)
		return 0;
	if (m->record)
		return err_set(err, EINVAL, "%s: fifo %u twice", rd->name, e->pipe_id);
	m->record = e;
	m->data = arena_copy(&r->arena, bytes, e->bytes);
	return 0;
}

int fifo_load(struct restore_files *r, struct err *err)
{
	struct image_reader rd = { 0 };
	struct ProtobufCMessage *msg;
	int ret;

	r->fifos = arena_alloc(&r->arena, sizeof(*r->fifos));
	load_made(r);
	ret = image_reader_load(&rd, r->dir, IMAGE_FIFO_DATA, 0, r->version, err);
	if (!ret)
		ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	while (!ret && (ret = image_reader_next(&rd, &pipe_data_entry__descriptor,
				&r->arena.pb, &msg, err)) > 0)
		ret = load_record(r, &rd, (const PipeDataEntry *)msg, err);
	image_reader_deinit(&rd);
	return ret < 0 ? ret : 0;
}

int fifo_verify(const struct restore_files *r, const FileEntry *e, struct err *err)
{
	const FileEntry *path = fifo_path(r, e);
	struct stat st;

	if (!path || !S_ISFIFO(path->reg->mode) || e->fifo->id != e->id ||
		(path->reg->flags & O_ACCMODE) == O_ACCMODE)
		return err_set(err, EINVAL, "file %u: no fifo with a path", e->id);
	if (restore_files_ghost(r, path->id))
		return err_set(err, EOPNOTSUPP,
			"%s: fifos without a name are not restored", path->reg->name);
	return reg_verify_path(r, path, &st, err);
}

/* Empty means that nobody has held it, or that it was drained by who did. */
static int hold_fill(const struct fifo_made *m, struct err *err)
{
	const PipeDataEntry *record = m->record;
	int queued = 0, size = fcntl(m->hold, F_GETPIPE_SZ);

	if (size < 0 || ioctl(m->hold, FIONREAD, &queued))
		return err_os(err, errno, "ask a fifo for its size");
	if (!record || queued)
		return 0;
	if (record->has_size && record->size != (uint32_t)size &&
		fcntl(m->hold, F_SETPIPE_SZ, record->size) < 0)
		return err_os(err, errno, "make it a fifo of %u bytes", record->size);
	if (m->packets && fcntl(m->hold, F_SETFL, O_NONBLOCK | O_DIRECT))
		return err_os(err, errno, "set packet mode");
	return pipe_fill(m->hold, record, m->data, err);
}

static int hold_open(struct fifo_made *m, const char *name, struct err *err)
{
	struct stat st;

	m->hold = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (m->hold < 0)
		return err_os(err, errno, "open");
	if (fstat(m->hold, &st) || !S_ISFIFO(st.st_mode))
		return err_set(err, EINVAL, "it is no fifo");
	return hold_fill(m, err);
}

/* From now on crl is no writer. */
static int hold_read(struct fifo_made *m, const char *name, struct err *err)
{
	int reader;

	if ((fcntl(m->hold, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return 0;
	reader = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (reader < 0)
		return err_os(err, errno, "open");
	close(m->hold);
	m->hold = reader;
	return 0;
}

static void hold_close(struct fifo_made *m)
{
	if (m->hold >= 0)
		close(m->hold);
	m->hold = -1;
}

static int open_end(
	const struct fifo_made *m, const RegFileEntry *reg, int *fd, struct err *err)
{
	struct stat st, hold;
	auto_fd int new = open(reg->name,
		(reg->flags & FIFO_OPEN_FLAGS) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	int ret;

	if (new < 0)
		return err_os(err, errno, "open");
	if (fstat(new, &st) || fstat(m->hold, &hold) || st.st_ino != hold.st_ino ||
		st.st_dev != hold.st_dev)
		return err_set(err, EINVAL, "another file is under this name now");
	ret = fd_set_owner(new, reg->fown, err);
	if (!ret && fcntl(new, F_SETFL, reg->flags & FIFO_STATUS_FLAGS))
		ret = err_os(err, errno, "set its flags");
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

int fifo_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	const RegFileEntry *reg = fifo_path(r, e)->reg;
	struct fifo_made *m = made_find(r, e->fifo->pipe_id);
	int ret = m->hold < 0 ? hold_open(m, reg->name, err) : 0;

	if (!ret && e->fifo->crl_unmet)
		ret = hold_read(m, reg->name, err);
	if (!ret)
		ret = open_end(m, reg, fd, err);
	if (ret)
		return err_in(err, ret, "%s", reg->name);
	if (!--m->left)
		hold_close(m);
	return 0;
}

void fifo_release(struct restore_files *r)
{
	for (size_t i = 0; r->fifos && i < r->fifos->count; i++)
		hold_close(&r->fifos->list[i]);
}
