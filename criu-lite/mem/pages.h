/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing the contents of memory: see pages.c. */
#ifndef CRL_MEM_PAGES_H
#define CRL_MEM_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dump_task;
struct err;
struct image_writer;
struct mem_dump;
struct pagemap_caps;
struct progress;
struct sums;

enum pagemap_flags { PE_PARENT = 1, PE_LAZY = 2, PE_PRESENT = 4 };

/* Ranges of pages: address (or offset in a file) and length in bytes, ascending. */
struct page_span {
	uint64_t at, len;
};

struct page_list {
	struct page_span *span;
	size_t count, cap;
	uint64_t bytes;
};

/* Adds a span; one that continues the last is merged with it. */
int page_list_add(struct page_list *list, uint64_t at, uint64_t len, struct err *err);
void page_list_deinit(struct page_list *list);

/* Where page files of one dump go. Several threads may write tasks at once, each with its
 * `out`. */
struct page_writer {
	int dir;
	struct sums *sums;
	struct pagemap_caps *caps; /* not owned */
	struct progress *progress;
	_Atomic uint32_t next_id; /* of the next page file */
	_Atomic uint64_t pages_written, pages_scanned;
	unsigned threads;
};

/* The task's own pages: pagemap-PID and pages-N. */
int page_writer_task(struct page_writer *w, struct dump_task *t, struct mem_dump *m,
	struct image_writer *out, struct err *err);

/* Parts of an open file: pagemap-shmem-ID and pages-N. */
int page_writer_file(struct page_writer *w, int fd, uint64_t id,
	const struct page_list *list, struct image_writer *out, struct err *err);

#endif
