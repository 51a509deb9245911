// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contents of memory, on their way back. The task takes over its page file and
 * reads it with preadv(2) straight to where the pages belong, so that each page
 * is copied once, by the processor that will use it.
 *
 * In mappings that it has inherited, both page files are compared here first:
 * pages that are alike stay shared with the parent, others are read, and those
 * that only the parent has are given back (MADV_DONTNEED).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/puppet.h"
#include "fd/transfer.h"
#include "image/magic.h"
#include "mem/layout.h"
#include "mem/mem.h"
#include "mem/refill.h"
#include "mem/restore.h"
#include "progress.h"

#define SPANS_AT_ONCE 1024 /* IOV_MAX */
#define BYTES_AT_ONCE                                                                    \
	(256 << 20) /* so that progress shows, and below the kernel's limit */

/* Spans that are read by one call: consecutive in the file. */
struct reader {
	struct mem_restore *r;
	struct puppet *p;
	int there; /* the page file in the task */
	struct iovec span[SPANS_AT_ONCE];
	unsigned spans;
	uint64_t offset, bytes;
};

struct page_view {
	const struct snap_pagemap *map;
	const uint8_t *data; /* the page file, mapped */
	size_t cursor;
};

static int view_open(struct page_view *v, struct mem_restore *r,
	const struct snap_task *t, int *fd, struct err *err)
{
	char name[IMAGE_NAME_SIZE];
	void *at;

	*v = (struct page_view){ .map = &t->pages };
	if (!t->pages.bytes)
		return 0;
	image_name(name, IMAGE_PAGES, t->pages.file);
	*fd = FAULT(PAGES_OPEN)
		      ? -1
		      : openat(r->snap->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return err_os(err, errno, "%s", name);
	at = mmap(NULL, t->pages.bytes, PROT_READ, MAP_PRIVATE, *fd, 0);
	if (FAULT(PAGES_MAP) || at == MAP_FAILED)
		return err_os(err, errno, "map %s", name);
	v->data = at;
	return 0;
}

static void view_close(struct page_view *v)
{
	if (v->data)
		munmap((void *)v->data, v->map->bytes);
	v->data = NULL;
}

/* The page at an address, NULL when there is none; addresses ascend from call to call. */
static const uint8_t *view_page(struct page_view *v, uint64_t at, uint64_t *run_end)
{
	const struct snap_pages *run;

	while (v->cursor < v->map->count &&
		v->map->run[v->cursor].at + v->map->run[v->cursor].len <= at)
		v->cursor++;
	if (v->cursor == v->map->count || v->map->run[v->cursor].at > at) {
		*run_end = v->cursor == v->map->count ? UINT64_MAX
						      : v->map->run[v->cursor].at;
		return NULL;
	}
	run = &v->map->run[v->cursor];
	*run_end = run->at + run->len;
	return v->data + run->offset + (at - run->at);
}

static int reader_flush(struct reader *rd, struct err *err)
{
	int ret;

	if (!rd->spans)
		return 0;
	ret = puppet_room(rd->p, 1, rd->spans * sizeof(rd->span[0]) + 64, err);
	if (ret)
		return ret;
	batch_call4(&rd->p->b, "read pages", SYS_preadv, rd->there,
		batch_in(&rd->p->b, rd->span, rd->spans * sizeof(rd->span[0])), rd->spans,
		rd->offset);
	batch_must_be(&rd->p->b, rd->bytes);
	rd->r->pages_restored += rd->bytes / PAGE;
	if (rd->bytes >= BYTES_AT_ONCE)
		ret = puppet_run(rd->p, err);
	progress_add(rd->r->progress, rd->bytes / PAGE);
	rd->spans = 0;
	rd->bytes = 0;
	return ret;
}

static int reader_add(
	struct reader *rd, uint64_t at, uint64_t len, uint64_t offset, struct err *err)
{
	while (len) {
		uint64_t n = len < BYTES_AT_ONCE ? len : BYTES_AT_ONCE;
		struct iovec *last = rd->spans ? &rd->span[rd->spans - 1] : NULL;

		if (rd->spans &&
			(rd->offset + rd->bytes != offset || rd->spans == SPANS_AT_ONCE ||
				rd->bytes + n > BYTES_AT_ONCE)) {
			int ret = reader_flush(rd, err);

			if (ret)
				return ret;
			last = NULL;
		}
		if (!rd->spans)
			rd->offset = offset;
		if (last && (uint64_t)last->iov_base + last->iov_len == at)
			last->iov_len += n;
		else
			rd->span[rd->spans++] = (struct iovec){ (void *)at, n };
		rd->bytes += n;
		at += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* An inherited mapping must be writable before the first page goes in. */
static void touch(struct reader *rd, struct layout_area *a)
{
	if (a->touched || a->how == LAYOUT_NEW)
		return;
	a->touched = true;
	if ((a->had->prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE))
		batch_call3(&rd->p->b, "mprotect", SYS_mprotect, a->want->start,
			a->want->end - a->want->start,
			a->want->prot | PROT_READ | PROT_WRITE);
}

static int fill_new(struct reader *rd, struct page_view *mine,
	const struct layout_area *a, struct err *err)
{
	uint64_t at = a->want->start, end = a->want->end, run_end;
	int ret = 0;

	while (at < end && !ret) {
		const uint8_t *page = view_page(mine, at, &run_end);

		if (run_end > end)
			run_end = end;
		if (page)
			ret = reader_add(rd, at, run_end - at, page - mine->data, err);
		at = run_end;
	}
	return ret;
}

/* Pages of the parent that the task has not: they read as the file, or as zeros, again.
 */
static int forget(struct reader *rd, uint64_t at, uint64_t end, struct err *err)
{
	int ret = puppet_room(rd->p, 1, 0, err);

	batch_call3(&rd->p->b, "MADV_DONTNEED", SYS_madvise, at, end - at, MADV_DONTNEED);
	return ret;
}

static int fill_inherited(struct reader *rd, struct page_view *mine,
	struct page_view *theirs, struct layout_area *a, struct err *err)
{
	uint64_t at = a->want->start, end = a->want->end, my_end, their_end;
	int ret = puppet_room(rd->p, 1, 0, err);

	while (at < end && !ret) {
		const uint8_t *page = view_page(mine, at, &my_end);
		const uint8_t *old = view_page(theirs, at, &their_end);
		uint64_t next = my_end < their_end ? my_end : their_end;

		if (next > end)
			next = end;
		if (!page && old) {
			ret = forget(rd, at, next, err);
		} else if (page && !old) {
			touch(rd, a);
			ret = reader_add(rd, at, next - at, page - mine->data, err);
		}
		for (; page && old && at < next && !ret;
			at += PAGE, page += PAGE, old += PAGE) {
			rd->r->pages_compared++;
			if (!memcmp(page, old, PAGE)) {
				rd->r->pages_skipped++;
				continue;
			}
			touch(rd, a);
			ret = reader_add(rd, at, PAGE, page - mine->data, err);
		}
		at = next;
	}
	return ret;
}

static int fill_all(struct reader *rd, struct page_view *mine, struct page_view *theirs,
	struct layout *l, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < l->count && !ret; i++) {
		struct layout_area *a = &l->area[i];

		if (!vma_private(a->want))
			continue;
		ret = a->how == LAYOUT_NEW ? fill_new(rd, mine, a, err)
					   : fill_inherited(rd, mine, theirs, a, err);
	}
	return ret ? ret : reader_flush(rd, err);
}

static int check_vdso(
	struct mem_restore *r, const MmEntry *mm, struct page_view *mine, struct err *err)
{
	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *e = mm->vmas[i];
		uint64_t end;
		const uint8_t *page;

		if (!(e->status & VMA_AREA_VDSO))
			continue;
		page = view_page(mine, e->start, &end);
		if (page &&
			(end < e->end || !vdso_same(&r->own, page, e->end - e->start)))
			return err_set(err, EOPNOTSUPP,
				"the dump was made on a kernel with another vdso; "
				"restore on that kernel");
	}
	mine->cursor = 0;
	return 0;
}

int refill_task(struct mem_restore *r, struct puppet *p, struct carrier *c,
	struct layout *l, const MmEntry *mm, const struct snap_task *t,
	const struct snap_task *parent, struct err *err)
{
	struct reader rd = { .r = r, .p = p };
	struct page_view mine = { 0 }, theirs = { 0 };
	auto_fd int fd = -1, parent_fd = -1;
	int ret = view_open(&mine, r, t, &fd, err);

	if (!ret && parent)
		ret = view_open(&theirs, r, parent, &parent_fd, err);
	else
		theirs.map = &(const struct snap_pagemap){ 0 };
	if (!ret && mine.data)
		ret = check_vdso(r, mm, &mine, err);
	if (!ret)
		ret = puppet_room(p, 4, 0, err);
	if (!ret && mine.data)
		rd.there = transfer_fd(p, c, fd);
	if (!ret)
		ret = fill_all(&rd, &mine, &theirs, l, err);
	if (!ret && mine.data)
		transfer_close(p, c, rd.there);
	if (!ret)
		ret = puppet_run(p, err); /* while the page file is open here */
	view_close(&mine);
	view_close(&theirs);
	return ret;
}
