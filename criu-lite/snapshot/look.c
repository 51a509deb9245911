// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at a dump: see look.h. Other programs' dumps are read too: their
 * descriptor tables may be numbered by pid, page counts may stand in the old
 * field, pages may be in the dump before this one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "image/inventory.h"
#include "image/sums.h"
#include "mem/pages.h"
#include "proto/mm.pb-c.h"
#include "proto/pagemap.pb-c.h"
#include "proto/pstree.pb-c.h"
#include "snapshot/internal.h"
#include "snapshot/look.h"

#define PAGE_SIZE 4096ull
#define PAGES_MAX (1ull << 52)

void look_forget(struct look *l)
{
	arena_reset(&l->snap.scratch);
}

int look_image(struct look *l, struct image_reader *rd, enum image_kind kind,
	uint64_t number, struct err *err)
{
	return snapshot_open(&l->snap, rd, kind, number, err);
}

int look_each(struct look *l, enum image_kind kind, uint64_t number,
	const ProtobufCMessageDescriptor *head, const ProtobufCMessageDescriptor *body,
	look_fn *fn, void *arg, struct err *err)
{
	struct image_reader rd = { 0 };
	ProtobufCMessage *msg;
	int ret = look_image(l, &rd, kind, number, err), found = 0;

	while (!ret) {
		int more = image_reader_next(&rd, head, &l->snap.scratch.pb, &msg, err);

		if (more <= 0) {
			ret = more < 0 ? more : found ? 0 : IMAGE_NOT_THERE;
			break;
		}
		found = 1;
		head = body;
		ret = fn(arg, msg, err);
		if (ret)
			err_in(err, ret, "%s", rd.name);
	}
	image_reader_deinit(&rd);
	return ret;
}

static int keep(void *arg, const ProtobufCMessage *msg, struct err *err)
{
	*(const ProtobufCMessage **)arg = msg;
	return 0;
}

int look_record(struct look *l, enum image_kind kind, uint64_t number,
	const ProtobufCMessageDescriptor *type, ProtobufCMessage **msg, struct err *err)
{
	return look_each(l, kind, number, type, type, keep, msg, err);
}

/* ---- the tree ---- */

struct growing {
	struct look *l;
	size_t cap;
};

static int add_task(void *arg, const ProtobufCMessage *msg, struct err *err)
{
	struct growing *g = arg;
	struct look *l = g->l;
	const PstreeEntry *e = (const PstreeEntry *)msg;
	struct look_task t = {
		.pid = e->pid, .ppid = e->ppid, .pgid = e->pgid, .sid = e->sid
	};

	if (l->tasks == INT32_MAX)
		return err_set(err, EINVAL, "too many tasks");
	t.parent = snapshot_find(&l->snap, t.ppid);
	t.tids = e->n_threads;
	t.tid = arena_copy(
		&l->snap.arena, e->threads, e->n_threads * sizeof(*e->threads));
	t.comm = "";
	arena_push(&l->snap.arena, l->task, l->tasks, g->cap, t);
	if (t.pid > 0 && t.pid < PID_MAX)
		l->snap.by_pid[t.pid] = l->tasks;
	return 0;
}

static int load_tree(struct look *l, struct err *err)
{
	struct growing g = { .l = l };
	int ret;

	l->snap.by_pid = calloc(PID_MAX, sizeof(*l->snap.by_pid));
	if (!l->snap.by_pid)
		return err_os(err, ENOMEM, "pstree.img");
	ret = look_each(l, IMAGE_PSTREE, 0, &pstree_entry__descriptor,
		&pstree_entry__descriptor, add_task, &g, err);
	look_forget(l);
	if (ret == IMAGE_NOT_THERE)
		return err_set(
			err, ENOENT, "pstree.img is missing; the dump is incomplete");
	return ret;
}

/* ---- files ---- */

static int file_cmp(const void *left, const void *right)
{
	const FileEntry *a = *(const FileEntry *const *)left,
			*b = *(const FileEntry *const *)right;

	return (a->id > b->id) - (a->id < b->id);
}

const FileEntry *look_file(const struct look *l, uint32_t id)
{
	size_t lo = 0, hi = l->files;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (l->file[mid]->id == id)
			return l->file[mid];
		if (l->file[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* The entries are wanted to the end, so they are not in the scratch arena. */
static int load_files(struct look *l, struct err *err)
{
	struct image_reader rd = { 0 };
	ProtobufCMessage *msg;
	size_t cap = 0;
	int ret = look_image(l, &rd, IMAGE_FILES, 0, err);

	while (!ret && (ret = image_reader_next(&rd, &file_entry__descriptor,
				&l->snap.arena.pb, &msg, err)) > 0) {
		arena_push(
			&l->snap.arena, l->file, l->files, cap, (const FileEntry *)msg);
		ret = 0;
	}
	image_reader_deinit(&rd);
	if (l->files)
		qsort(l->file, l->files, sizeof(*l->file), file_cmp);
	return ret < 0 ? ret : 0;
}

int look_open(struct look *l, int dir, struct err *err)
{
	struct snapshot *s = &l->snap;
	int ret;

	*l = (struct look){ .snap = { .dir = dir } };
	arena_init(&s->arena);
	arena_init(&s->scratch);
	ret = inventory_read(dir, &s->arena.pb, &s->inventory, err);
	if (ret == -ENOENT)
		return err_set(err, ENOENT,
			"the directory holds no complete dump (no inventory.img)");
	if (ret)
		return ret;
	if (s->inventory->crl)
		ret = sums_load(dir, s->inventory->crl->sums_hash, &s->sums, err);
	if (!ret)
		ret = load_tree(l, err);
	return ret ? ret : load_files(l, err);
}

void look_close(struct look *l)
{
	snapshot_deinit(&l->snap);
}

/* ---- memory ---- */

struct runs {
	struct look *l;
	struct look_run *run;
	size_t n, cap;
	bool head;
};

static int add_run(void *arg, const ProtobufCMessage *msg, struct err *err)
{
	const PagemapEntry *e = (const PagemapEntry *)msg;
	struct runs *r = arg;
	struct look_run run = { .at = e->vaddr };
	uint64_t n;

	if (!r->head) {
		r->head = true;
		return 0;
	}
	n = e->has_nr_pages ? e->nr_pages : e->compat_nr_pages;
	if (n > PAGES_MAX || run.at + n * PAGE_SIZE < run.at ||
		(r->n && run.at < r->run[r->n - 1].end))
		return err_set(err, EBADMSG,
			"%llu pages at %#llx: out of order or out of range",
			(unsigned long long)n, (unsigned long long)run.at);
	run.end = run.at + n * PAGE_SIZE;
	run.flags = e->has_flags ? e->flags : e->in_parent ? PE_PARENT : PE_PRESENT;
	arena_push(&r->l->snap.scratch, r->run, r->n, r->cap, run);
	return 0;
}

int look_runs(struct look *l, enum image_kind kind, uint64_t number,
	struct look_run **run, size_t *runs, struct err *err)
{
	struct runs r = { .l = l };
	int ret = look_each(l, kind, number, &pagemap_head__descriptor,
		&pagemap_entry__descriptor, add_run, &r, err);

	*run = r.run;
	*runs = r.n;
	return ret;
}

/* The first run that ends behind an address. */
static size_t first_run(const struct look_run *run, size_t runs, uint64_t at)
{
	size_t lo = 0, hi = runs;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (run[mid].end <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct look_pages look_count(
	const struct look_run *run, size_t runs, uint64_t start, uint64_t end)
{
	struct look_pages sum = { 0 };

	for (size_t i = first_run(run, runs, start); i < runs && run[i].at < end; i++) {
		uint64_t from = run[i].at > start ? run[i].at : start;
		uint64_t to = run[i].end < end ? run[i].end : end;

		if (run[i].flags & PE_PARENT)
			sum.parent += (to - from) / PAGE_SIZE;
		else if (run[i].flags & (PE_PRESENT | PE_LAZY))
			sum.present += (to - from) / PAGE_SIZE;
	}
	return sum;
}

static int summarize_memory(struct look *l, struct look_task *t, struct err *err)
{
	ProtobufCMessage *msg;
	struct look_run *run;
	size_t runs;
	int ret = look_record(l, IMAGE_MM, t->pid, &mm_entry__descriptor, &msg, err);

	if (!ret) {
		const MmEntry *mm = (const MmEntry *)msg;

		t->mappings = mm->n_vmas;
		for (size_t i = 0; i < mm->n_vmas; i++)
			t->mapped += mm->vmas[i]->end - mm->vmas[i]->start;
	}
	if (ret >= 0)
		ret = look_runs(l, IMAGE_PAGEMAP, t->pid, &run, &runs, err);
	if (!ret)
		t->pages = look_count(run, runs, 0, UINT64_MAX);
	return ret < 0 ? ret : 0;
}

/* ---- a task ---- */

static int count(void *arg, const ProtobufCMessage *msg, struct err *err)
{
	++*(size_t *)arg;
	return 0;
}

static int summarize_table(struct look *l, struct look_task *t, struct err *err)
{
	ProtobufCMessage *msg;
	int ret = look_record(
		l, IMAGE_IDS, t->pid, &task_kobj_ids_entry__descriptor, &msg, err);

	t->table = t->pid;
	if (!ret && l->snap.inventory->fdinfo_per_id)
		t->table = ((const TaskKobjIdsEntry *)msg)->files_id;
	if (ret >= 0)
		ret = look_each(l, IMAGE_FDINFO, t->table, &fdinfo_entry__descriptor,
			&fdinfo_entry__descriptor, count, &t->fds, err);
	return ret < 0 ? ret : 0;
}

int look_task(struct look *l, struct look_task *t, struct err *err)
{
	ProtobufCMessage *msg;
	int ret = look_record(l, IMAGE_CORE, t->pid, &core_entry__descriptor, &msg, err);
	const TaskCoreEntry *tc;

	if (ret == IMAGE_NOT_THERE)
		ret = err_set(err, ENOENT,
			"core-%d.img is missing; the dump is incomplete", t->pid);
	if (ret)
		return ret;
	tc = ((const CoreEntry *)msg)->tc;
	if (!tc)
		return err_set(err, EBADMSG, "core-%d.img: not of a task", t->pid);
	t->state = tc->task_state;
	t->exit_code = tc->exit_code;
	t->stop_signal = tc->has_stop_signo ? tc->stop_signo : 0;
	t->comm = arena_text(&l->snap.arena, tc->comm);
	if (t->state == SNAP_DEAD) {
		t->tids = t->tids ? 1 : 0; /* the rest means nothing */
	} else {
		ret = summarize_memory(l, t, err);
		if (!ret)
			ret = summarize_table(l, t, err);
	}
	look_forget(l);
	return ret;
}
