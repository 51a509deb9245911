// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contents of memory. /proc/PID/pagemap tells which pages are there; they
 * are read with process_vm_readv(2) and written one after the other to
 * pages-N.img, while pagemap-PID.img says where they belong. Pages that were
 * never touched, and zero pages, are in neither.
 *
 * A page file is written in pieces of 1 MiB, each with its own checksum. A piece
 * is copied out of the task, hashed and written while it is still in the
 * processor's cache; large files by several threads, each taking the next
 * piece. Memory that the task itself may not read (PROT_NONE) is read through
 * /proc/PID/mem instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/pagemap.h"
#include "image/frame.h"
#include "image/hash.h"
#include "image/sums.h"
#include "interrupt.h"
#include "mem/mem.h"
#include "mem/pages.h"
#include "progress.h"
#include "proto/pagemap.pb-c.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define PARALLEL_FROM (8ull << 20) /* bytes from which threads pay */
#define THREADS_MAX   4
#define IOV_SPANS     512

int page_list_add(struct page_list *list, uint64_t at, uint64_t len, struct err *err)
{
	struct page_span *last = list->count ? &list->span[list->count - 1] : NULL;

	list->bytes += len;
	if (last && last->at + last->len == at) {
		last->len += len;
		return 0;
	}
	if (list->count == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;
		void *span = realloc(list->span, cap * sizeof(*list->span));

		if (!span)
			return err_os(err, ENOMEM, "list of pages");
		list->span = span;
		list->cap = cap;
	}
	list->span[list->count++] = (struct page_span){ at, len };
	return 0;
}

void page_list_deinit(struct page_list *list)
{
	free(list->span);
	*list = (struct page_list){ 0 };
}

/* One page file being written; shared by the threads that write it. */
struct page_job {
	const struct page_list *list;
	pid_t pid;  /* where pages are read: a task ... */
	int source; /* ... and its /proc/PID/mem, or, with pid 0, a file */
	int out;
	uint64_t *hash;
	uint64_t *chunk_span; /* index of the span in which a chunk begins */
	uint64_t *chunk_skip; /* ... and how far into it */
	size_t chunks;
	atomic_size_t next;
	atomic_int failed;
	struct progress *progress;
};

struct page_thread {
	struct page_job *job;
	pthread_t thread;
	struct err err;
	int ret;
};

/* Find for each chunk of the file where in the list it begins. */
static int job_index(struct page_job *job, struct err *err)
{
	const struct page_list *list = job->list;
	uint64_t offset = 0;
	size_t next = 0;

	job->chunks = (list->bytes + IMAGE_CHUNK_SIZE - 1) / IMAGE_CHUNK_SIZE;
	job->hash = calloc(job->chunks, sizeof(*job->hash));
	job->chunk_span = calloc(job->chunks, sizeof(*job->chunk_span));
	job->chunk_skip = calloc(job->chunks, sizeof(*job->chunk_skip));
	if (!job->hash || !job->chunk_span || !job->chunk_skip)
		return err_os(err, ENOMEM, "index of a page file");
	for (size_t i = 0; i < list->count; i++) {
		for (; next < job->chunks &&
			next * (uint64_t)IMAGE_CHUNK_SIZE < offset + list->span[i].len;
			next++) {
			job->chunk_span[next] = i;
			job->chunk_skip[next] =
				next * (uint64_t)IMAGE_CHUNK_SIZE - offset;
		}
		offset += list->span[i].len;
	}
	return 0;
}

/*
 * The last page of a file may reach beyond its end. A mapping can have put something
 * there, and only a mapping shows it.
 */
static int read_behind(
	struct page_job *job, uint8_t *to, uint64_t at, uint64_t len, struct err *err)
{
	uint64_t skip = at % PAGE;
	uint8_t *page;

	memset(to, 0, len);
	if (!skip || len != PAGE - skip)
		return 0;
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, job->source, at - skip);
	if (page == MAP_FAILED)
		return err_os(err, errno, "map the last page of a file");
	memcpy(to, page + skip, len);
	munmap(page, PAGE);
	return 0;
}

static int read_source(
	struct page_job *job, uint8_t *to, uint64_t at, uint64_t len, struct err *err)
{
	while (len) {
		ssize_t n = FAULT(PAGES_READ) ? -1 : pread(job->source, to, len, at);

		if (n == 0 && !job->pid)
			return read_behind(job, to, at, len, err);
		if (n <= 0)
			return err_os(err, n ? errno : EIO, "read memory at %#llx",
				(unsigned long long)at);
		to += n;
		at += n;
		len -= n;
	}
	return 0;
}

/* Read many spans of a task at once; where the task may not read, one by one through mem.
 */
static int read_spans(struct page_job *job, uint8_t *to, const struct iovec *iov,
	unsigned n, size_t bytes, struct err *err)
{
	struct iovec local = { to, bytes };
	ssize_t got = job->pid && !FAULT(PAGES_VMREAD)
			      ? process_vm_readv(job->pid, &local, 1, iov, n, 0)
			      : 0;

	if (got == (ssize_t)bytes)
		return 0;
	if (got < 0)
		got = 0;
	for (unsigned i = 0; i < n; i++) {
		size_t len = iov[i].iov_len, skip = (size_t)got < len ? (size_t)got : len;
		int ret = 0;

		got -= skip;
		if (skip < len)
			ret = read_source(job, to + skip,
				(uintptr_t)iov[i].iov_base + skip, len - skip, err);
		if (ret)
			return ret;
		to += len;
	}
	return 0;
}

static int read_chunk(
	struct page_job *job, size_t chunk, uint8_t *buf, size_t size, struct err *err)
{
	size_t i = job->chunk_span[chunk], done = 0;
	uint64_t skip = job->chunk_skip[chunk];

	while (done < size) {
		struct iovec iov[IOV_SPANS];
		size_t bytes = 0;
		unsigned n = 0;
		int ret;

		for (; n < IOV_SPANS && done + bytes < size; n++, i++, skip = 0) {
			uint64_t len = job->list->span[i].len - skip;

			if (len > size - done - bytes)
				len = size - done - bytes;
			iov[n] = (struct iovec){ (void *)(job->list->span[i].at + skip),
				len };
			bytes += len;
		}
		ret = read_spans(job, buf + done, iov, n, bytes, err);
		if (ret)
			return ret;
		done += bytes;
	}
	return 0;
}

static int write_all(
	int fd, const uint8_t *buf, size_t size, uint64_t at, struct err *err)
{
	while (size) {
		ssize_t n = FAULT(PAGES_WRITE) ? -1 : pwrite(fd, buf, size, at);

		if (n < 0)
			return err_os(err, errno, "write pages");
		buf += n;
		at += n;
		size -= n;
	}
	return 0;
}

static int job_run(struct page_job *job, struct err *err)
{
	size_t room =
		job->list->bytes < IMAGE_CHUNK_SIZE ? job->list->bytes : IMAGE_CHUNK_SIZE;
	auto_free uint8_t *buf = aligned_alloc(PAGE, room);
	size_t chunk;

	if (!buf)
		return err_os(err, ENOMEM, "buffer for pages");
	while (!job->failed && (chunk = atomic_fetch_add(&job->next, 1)) < job->chunks) {
		uint64_t at = chunk * (uint64_t)IMAGE_CHUNK_SIZE;
		size_t size = job->list->bytes - at < IMAGE_CHUNK_SIZE
				      ? job->list->bytes - at
				      : IMAGE_CHUNK_SIZE;
		int ret = interrupt_check(err);

		if (!ret)
			ret = read_chunk(job, chunk, buf, size, err);

		if (!ret) {
			job->hash[chunk] = image_hash(buf, size);
			ret = write_all(job->out, buf, size, at, err);
		}
		if (ret) {
			job->failed = 1;
			return ret;
		}
		progress_add(job->progress, size / PAGE);
	}
	return 0;
}

static void *job_thread(void *arg)
{
	struct page_thread *t = arg;

	t->ret = job_run(t->job, &t->err);
	return NULL;
}

static int job_run_threads(struct page_job *job, unsigned threads, struct err *err)
{
	struct page_thread helper[THREADS_MAX - 1];
	unsigned started = 0;
	int ret;

	if (job->list->bytes < PARALLEL_FROM)
		threads = 1;
	for (; started + 1 < threads && started < THREADS_MAX - 1; started++) {
		helper[started] = (struct page_thread){ .job = job };
		if (FAULT(PAGES_THREAD) || pthread_create(&helper[started].thread, NULL,
						   job_thread, &helper[started]))
			break;
	}
	ret = job_run(job, err);
	for (unsigned i = 0; i < started; i++) {
		pthread_join(helper[i].thread, NULL);
		if (helper[i].ret && !ret) {
			ret = helper[i].ret;
			*err = helper[i].err;
		}
	}
	return ret;
}

static int page_file(struct page_writer *w, const struct page_list *list, pid_t pid,
	int source, uint32_t id, struct err *err)
{
	struct page_job job = {
		.list = list, .pid = pid, .source = source, .progress = w->progress
	};
	struct chunk_hasher sums = { 0 };
	char name[IMAGE_NAME_SIZE];
	auto_fd int out = -1;
	int ret;

	image_name(name, IMAGE_PAGES, id);
	out = openat(
		w->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (FAULT(PAGES_CREATE) || out < 0)
		return err_os(err, errno, "create %s", name);
	job.out = out;
	ret = job_index(&job, err);
	if (!ret)
		ret = job_run_threads(&job, w->threads, err);
	if (!ret) {
		sums.size = list->bytes;
		sums.hashes = job.hash;
		sums.nr = job.chunks;
		ret = sums_add_chunks(w->sums, name, &sums, err);
	}
	w->pages_written += list->bytes / PAGE;
	free(job.hash);
	free(job.chunk_span);
	free(job.chunk_skip);
	return ret ? err_in(err, ret, "%s", name) : 0;
}

static int write_pagemap(struct page_writer *w, enum image_kind kind, uint64_t number,
	uint32_t id, const struct page_list *list, struct image_writer *out,
	struct err *err)
{
	PagemapHead head = PAGEMAP_HEAD__INIT;
	int ret = image_writer_start(out, kind, number, err);

	head.pages_id = id;
	if (!ret)
		ret = image_writer_record(out, &head.base, err);
	for (size_t i = 0; i < list->count && !ret; i++) {
		PagemapEntry e = PAGEMAP_ENTRY__INIT;

		e.vaddr = list->span[i].at;
		e.has_flags = e.has_nr_pages = true;
		e.flags = PE_PRESENT;
		e.nr_pages = list->span[i].len / PAGE;
		if (e.nr_pages <= UINT32_MAX) /* what readers before CRIU 4 look at */
			e.compat_nr_pages = e.nr_pages;
		ret = image_writer_record(out, &e.base, err);
	}
	return ret ? ret : sums_finish_image(w->sums, out, w->dir, err);
}

static int add_range(void *arg, const struct page_range *range, struct err *err)
{
	return page_list_add(arg, range->start, range->end - range->start, err);
}

struct guard_target {
	struct dump_task *t;
	struct mem_dump *m;
};

static int add_guard(void *arg, const struct page_range *range, struct err *err)
{
	struct guard_target *g = arg;
	VmaEntry *e = arena_msg(g->t->arena, VmaEntry, vma_entry);

	e->start = range->start;
	e->end = range->end;
	e->status = VMA_AREA_GUARD;
	e->fd = -1;
	arena_push(g->t->arena, g->m->mm->vmas, g->m->mm->n_vmas, g->m->vma_cap, e);
	return 0;
}

static int scan_vma(
	struct pagemap *pm, const VmaEntry *e, struct page_list *list, struct err *err)
{
	if (e->status & VMA_AREA_VDSO)
		return page_list_add(list, e->start, e->end - e->start, err);
	return pagemap_scan(pm, e->start, e->end,
		e->status & VMA_FILE_PRIVATE ? PAGEMAP_FILE : PAGEMAP_ANON, add_range,
		list, err);
}

/* Guard markers can only be where smaps says so (6.19), or anywhere before that. */
static int scan_task(struct page_writer *w, struct dump_task *t, struct mem_dump *m,
	struct page_list *list, struct err *err)
{
	struct guard_target guards = { t, m };
	size_t areas = m->mm->n_vmas;
	struct pagemap pm;
	int ret = pagemap_open(&pm, t->proc, w->caps, err);

	if (!ret && areas)
		pagemap_ahead(&pm, (1ull << 47) - PAGE);
	for (size_t i = 0; i < areas && !ret; i++) {
		const VmaEntry *e = m->mm->vmas[i];

		w->pages_scanned += (e->end - e->start) / PAGE;
		if (vma_private(e))
			ret = scan_vma(&pm, e, list, err);
	}
	for (size_t i = 0; i < areas && !ret; i++)
		if (vma_private(m->mm->vmas[i]))
			ret = pagemap_guard_ranges(&pm, m->mm->vmas[i]->start,
				m->mm->vmas[i]->end, add_guard, &guards, err);
	pagemap_close(&pm);
	return ret;
}

int page_writer_task(struct page_writer *w, struct dump_task *t, struct mem_dump *m,
	struct image_writer *out, struct err *err)
{
	struct page_list list = { 0 };
	uint32_t id = ++w->next_id;
	auto_fd int mem = openat(t->proc, "mem", O_RDONLY | O_CLOEXEC);
	int ret;

	if (mem < 0)
		return err_os(err, errno, "open its memory");
	ret = scan_task(w, t, m, &list, err);
	progress_expect(w->progress, list.bytes / PAGE);
	if (!ret && list.count)
		ret = page_file(w, &list, t->pid, mem, id, err);
	if (!ret)
		ret = write_pagemap(w, IMAGE_PAGEMAP, t->pid, id, &list, out, err);
	page_list_deinit(&list);
	return ret;
}

int page_writer_file(struct page_writer *w, int fd, uint64_t id,
	const struct page_list *list, struct image_writer *out, struct err *err)
{
	uint32_t file = ++w->next_id;
	int ret;

	progress_expect(w->progress, list->bytes / PAGE);
	ret = page_file(w, list, 0, fd, file, err);
	return ret ? ret
		   : write_pagemap(w, IMAGE_PAGEMAP_SHMEM, id, file, list, out, err);
}
