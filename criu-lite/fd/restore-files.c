// SPDX-License-Identifier: GPL-2.0-only
/* The table of files at restore: see restore-files.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "fd/fd.h"
#include "fd/ghost.h"
#include "fd/restore-files.h"
#include "image/frame.h"
#include "image/sums.h"
#include "proto/remap-file-path.pb-c.h"

int restore_files_sum(const struct restore_files *r, const char *name, const void *data,
	size_t size, struct err *err)
{
	const struct sums_entry *e;

	if (!r->sums)
		return 0;
	e = sums_find(r->sums, name);
	if (!e)
		return err_set(
			err, EBADMSG, "%s: not in the checksum list of the dump", name);
	return sums_check(e, data, size, err);
}

static struct restore_file *lookup(const struct restore_files *r, uint32_t id)
{
	size_t lo = 0, hi = r->count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (r->file[mid].entry->id == id)
			return &r->file[mid];
		if (r->file[mid].entry->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

size_t restore_files_index(const struct restore_files *r, const FileEntry *e)
{
	return lookup(r, e->id) - r->file;
}

const FileEntry *restore_files_entry(const struct restore_files *r, uint32_t id)
{
	const struct restore_file *f = lookup(r, id);

	return f ? f->entry : NULL;
}

struct ghost_file *restore_files_ghost(const struct restore_files *r, uint32_t id)
{
	const struct restore_file *f = lookup(r, id);

	return f ? f->ghost : NULL;
}

bool restore_files_want_write(const struct restore_files *r, uint32_t id)
{
	const struct restore_file *f = lookup(r, id);

	return f && f->want_write;
}

static int entry_cmp(const void *left, const void *right)
{
	const FileEntry *a = *(const FileEntry *const *)left,
			*b = *(const FileEntry *const *)right;

	return (a->id > b->id) - (a->id < b->id);
}

static int index_entries(
	struct restore_files *r, const FileEntry **list, size_t n, struct err *err)
{
	if (!n)
		return 0;
	qsort(list, n, sizeof(*list), entry_cmp);
	for (size_t i = 1; i < n; i++)
		if (list[i]->id == list[i - 1]->id)
			return err_set(
				err, EINVAL, "files.img: id %u twice", list[i]->id);
	r->file = calloc(n, sizeof(*r->file));
	if (!r->file)
		return err_os(err, ENOMEM, "files.img: table");
	r->count = n;
	for (size_t i = 0; i < n; i++)
		r->file[i] = (struct restore_file){ .entry = list[i], .fd = -1 };
	return 0;
}

static int load_entries(struct restore_files *r, struct err *err)
{
	struct image_reader rd = { 0 };
	struct ProtobufCMessage *msg;
	const FileEntry **list = NULL;
	size_t n = 0, cap = 0;
	int ret = image_reader_load(&rd, r->dir, IMAGE_FILES, 0, r->version, err);

	if (ret == IMAGE_NOT_THERE)
		ret = err_set(err, ENOENT, "files.img is missing");
	if (!ret)
		ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	while (!ret && (ret = image_reader_next(&rd, &file_entry__descriptor,
				&r->arena.pb, &msg, err)) > 0) {
		arena_push(&r->arena, list, n, cap, (const FileEntry *)msg);
		ret = 0;
	}
	image_reader_deinit(&rd);
	return ret < 0 ? ret : index_entries(r, list, n, err);
}

static int load_remap(
	struct restore_files *r, const RemapFilePathEntry *m, struct err *err)
{
	struct restore_file *f = lookup(r, m->orig_id);
	int ret;

	if (!f || !f->entry->reg)
		return err_set(err, EINVAL, "file %u is not in files.img", m->orig_id);
	if (m->has_remap_type && m->remap_type != REMAP_TYPE__GHOST)
		return err_set(err, EOPNOTSUPP,
			"file %u (%s): this kind of remap is not restored", m->orig_id,
			f->entry->reg->name);
	ret = ghost_load(r, m->remap_id, f->entry->reg->name, &f->ghost, err);
	if (!ret)
		arena_push(&r->arena, r->ghosts, r->ghost_count, r->ghost_cap, f->ghost);
	return ret;
}

/* Files with the same ghost share it. */
static int load_remaps(struct restore_files *r, struct err *err)
{
	struct image_reader rd = { 0 };
	struct ProtobufCMessage *msg;
	struct {
		uint32_t id;
		struct ghost_file *ghost;
	} *known = NULL;
	size_t n = 0, cap = 0;
	int ret = image_reader_load(&rd, r->dir, IMAGE_REMAP_FPATH, 0, r->version, err);

	if (ret)
		goto out;
	ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	while (!ret && (ret = image_reader_next(&rd, &remap_file_path_entry__descriptor,
				&r->arena.pb, &msg, err)) > 0) {
		const RemapFilePathEntry *m = (const RemapFilePathEntry *)msg;
		struct restore_file *f = lookup(r, m->orig_id);
		size_t i;

		ret = 0;
		for (i = 0; f && i < n && known[i].id != m->remap_id; i++)
			;
		if (f && i < n) {
			f->ghost = known[i].ghost;
			continue;
		}
		ret = load_remap(r, m, err);
		if (!ret) {
			__typeof__(*known) k = { m->remap_id, f->ghost };

			arena_push(&r->arena, known, n, cap, k);
		}
	}
out:
	image_reader_deinit(&rd);
	return ret < 0 ? err_in(err, ret, "remap-fpath.img") : 0;
}

int restore_files_load(struct restore_files *r, int dir, uint32_t version,
	const struct sums *sums, const struct restore_files_options *opt,
	const struct log *log, struct err *err)
{
	int ret;

	*r = (struct restore_files){
		.dir = dir, .version = version, .sums = sums, .opt = opt, .log = log
	};
	arena_init(&r->arena);
	ret = load_entries(r, err);
	return ret ? ret : load_remaps(r, err);
}

void restore_files_clean(struct restore_files *r)
{
	for (size_t i = 0; i < r->ghost_count; i++)
		ghost_clean(r->ghosts[i]);
}

void restore_files_deinit(struct restore_files *r)
{
	restore_files_clean(r);
	for (size_t i = 0; i < r->count; i++)
		if (r->file[i].fd >= 0)
			close(r->file[i].fd);
	free(r->file);
	r->file = NULL;
	r->count = 0;
	for (unsigned i = 0; i < fd_table_size; i++)
		if (fd_table[i]->release)
			fd_table[i]->release(r);
	arena_deinit(&r->arena);
}

int restore_files_claim(struct restore_files *r, uint32_t id, bool write, struct err *err)
{
	struct restore_file *f = lookup(r, id);

	if (!f)
		return err_set(err, EINVAL, "file %u is not in files.img", id);
	if (!f->refs++)
		f->claimed_by = r->claimer;
	f->want_write |= write;
	return 0;
}

int restore_files_verify(struct restore_files *r, struct err *err)
{
	for (unsigned i = 0; i < fd_table_size; i++) {
		int ret = fd_table[i]->load ? fd_table[i]->load(r, err) : 0;

		if (ret)
			return err_in(err, ret, "%s", fd_table[i]->name);
	}
	for (size_t i = 0; i < r->count; i++) {
		const FileEntry *e = r->file[i].entry;
		const struct fd_ops *ops = e ? fd_ops_of(e->type) : NULL;
		int ret;

		if (!e || !r->file[i].refs)
			continue;
		if (!ops)
			return err_set(err, EOPNOTSUPP,
				"file %u: files of type %d are not restored", e->id,
				e->type);
		ret = ops->verify(r, e, err);
		if (ret)
			return err_in(
				err, ret, "pid %d: %s", r->file[i].claimed_by, ops->name);
	}
	return 0;
}

int restore_files_get(struct restore_files *r, uint32_t id, int *fd, struct err *err)
{
	struct restore_file *f = lookup(r, id);
	const struct fd_ops *ops = fd_ops_of(f->entry->type);

	if (f->fd < 0) {
		int ret = FAULT_STEP(FILE_OPEN, err, ops->open(r, f->entry, &f->fd, err));

		if (ret)
			return err_in(err, ret, "%s", ops->name);
	}
	*fd = f->fd;
	return 0;
}

int restore_files_settle(struct restore_files *r, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < fd_table_size && !ret; i++)
		if (fd_table[i]->settle) {
			ret = fd_table[i]->settle(r, err);
			if (ret)
				err_in(err, ret, "%s", fd_table[i]->name);
		}
	return ret;
}

void restore_files_release(struct restore_files *r, uint32_t id)
{
	struct restore_file *f = lookup(r, id);

	if (--f->refs || f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
}
