// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared anonymous memory: what mmap(MAP_SHARED | MAP_ANONYMOUS) makes and fork
 * passes on. It is a file without a name, reached through any mapping of it by
 * /proc/PID/map_files/START-END (needs CAP_CHECKPOINT_RESTORE); lseek with
 * SEEK_DATA then tells which of its pages exist, whoever has touched them.
 *
 * What is in a memfd is written in the same way; all else of it is in fd/memfd.c.
 *
 * Restore: crl maps each segment once, fills it, and opens its own map_files
 * entry; that descriptor is mapped by every task that shares it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/smaps.h"
#include "mem/mem.h"
#include "mem/pages.h"
#include "mem/shmem.h"
#include "task/task.h"

void shmem_init(struct shmem *s)
{
	*s = (struct shmem){ .lock = PTHREAD_MUTEX_INITIALIZER };
}

static size_t segment_place(const struct shmem *s, uint64_t ino)
{
	size_t lo = 0, hi = s->count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->list[mid].ino < ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int segment_open(struct shmem_segment *seg, struct dump_task *t,
	const struct proc_vma *v, struct err *err)
{
	char name[64];
	struct stat st;

	snprintf(name, sizeof(name), "map_files/%llx-%llx", (unsigned long long)v->start,
		(unsigned long long)v->end);
	seg->fd = FAULT(SHMEM_OPEN) ? -1 : openat(t->proc, name, O_RDONLY | O_CLOEXEC);
	if (seg->fd < 0)
		return err_os(err, errno, "open %s (needs CAP_CHECKPOINT_RESTORE)", name);
	if (fstat(seg->fd, &st))
		return err_os(err, errno, "stat %s", name);
	seg->size = st.st_size;
	return 0;
}

/* seg.fd belongs to the list, or is closed. */
static int insert(struct shmem *s, size_t at, struct shmem_segment seg, struct err *err)
{
	if (s->count == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		void *list = realloc(s->list, cap * sizeof(*s->list));

		if (!list) {
			close(seg.fd);
			return err_os(err, ENOMEM, "shared memory");
		}
		s->list = list;
		s->cap = cap;
	}
	memmove(s->list + at + 1, s->list + at, (s->count - at) * sizeof(*s->list));
	s->list[at] = seg;
	s->count++;
	return 0;
}

static int enter(
	struct shmem *s, struct dump_task *t, const struct proc_vma *v, struct err *err)
{
	size_t at = segment_place(s, v->inode);
	struct shmem_segment seg = { .ino = v->inode, .fd = -1 };
	int ret;

	if (at < s->count && s->list[at].ino == v->inode)
		return 0;
	ret = segment_open(&seg, t, v, err);
	return ret ? ret : insert(s, at, seg, err);
}

int shmem_mapped(
	struct shmem *s, struct dump_task *t, const struct proc_vma *v, struct err *err)
{
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = enter(s, t, v, err);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int shmem_file(struct shmem *s, uint64_t ino, int fd, struct err *err)
{
	struct shmem_segment seg = { .ino = ino, .fd = fd };
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = insert(s, segment_place(s, ino), seg, err);
	pthread_mutex_unlock(&s->lock);
	return ret;
}

/* The parts of the file that exist, as page ranges by offset. */
static int segment_ranges(
	const struct shmem_segment *seg, struct page_list *list, struct err *err)
{
	off_t data = 0, hole;
	int ret = 0;

	while (!ret && (data = lseek(seg->fd, data, SEEK_DATA)) >= 0) {
		hole = lseek(seg->fd, data, SEEK_HOLE);
		if (FAULT(SHMEM_RANGES) || hole < 0)
			return err_os(err, errno, "find its pages");
		ret = page_list_add(
			list, data, ((hole + PAGE - 1) & ~(PAGE - 1)) - data, err);
		data = hole;
	}
	return ret;
}

int shmem_write(
	struct shmem *s, struct page_writer *w, struct image_writer *out, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < s->count && !ret; i++) {
		struct shmem_segment *seg = &s->list[i];
		struct page_list list = { 0 };

		ret = segment_ranges(seg, &list, err);
		if (!ret && list.count)
			ret = page_writer_file(w, seg->fd, seg->ino, &list, out, err);
		page_list_deinit(&list);
		if (ret)
			err_in(err, ret, "shared memory %llu",
				(unsigned long long)seg->ino);
	}
	return ret;
}

void shmem_deinit(struct shmem *s)
{
	for (size_t i = 0; i < s->count; i++)
		close(s->list[i].fd);
	free(s->list);
	*s = (struct shmem){ 0 };
}
