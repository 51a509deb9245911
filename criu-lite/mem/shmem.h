/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared anonymous memory of a tree, and what is in its memfds: see shmem.c. */
#ifndef CRL_MEM_SHMEM_H
#define CRL_MEM_SHMEM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dump_task;
struct err;
struct image_writer;
struct page_writer;
struct proc_vma;

struct shmem_segment {
	uint64_t ino;
	int fd;	       /* the segment's file, opened through map_files; owned */
	uint64_t size; /* bytes */
};

struct shmem {
	pthread_mutex_t
		lock; /* of the list, while tasks are written by several threads */
	struct shmem_segment *list; /* sorted by ino */
	size_t count, cap;
};

void shmem_init(struct shmem *s);

/* A task maps a part of a segment; the first one that does opens it. */
int shmem_mapped(
	struct shmem *s, struct dump_task *t, const struct proc_vma *v, struct err *err);

/*
 * The same for a memfd: `fd` is an open file of it that nobody else uses, and belongs
 * to the list from now on. Its inode number is from the same range as those of segments.
 */
int shmem_file(struct shmem *s, uint64_t ino, int fd, struct err *err);

/* Write contents of all segments. */
int shmem_write(struct shmem *s, struct page_writer *w, struct image_writer *out,
	struct err *err);

void shmem_deinit(struct shmem *s);

#endif
