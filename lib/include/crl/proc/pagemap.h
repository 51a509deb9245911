/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which pages of a task's memory are there, from /proc/PID/pagemap. */
#ifndef CRL_PROC_PAGEMAP_H
#define CRL_PROC_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum pagemap_want {
	/* Private anonymous mappings: present or swapped, not the zero page. */
	PAGEMAP_ANON,
	/* Private file mappings: pages of the task's own, no longer the file's. */
	PAGEMAP_FILE,
	/*
	 * Shared mappings: present or swapped as seen through this task. Pages of
	 * a shared memory object that this task has not touched, or that were
	 * swapped out, are not seen: SEEK_DATA on the object finds those.
	 */
	PAGEMAP_SHARED,
	/* Guard markers of MADV_GUARD_INSTALL; they never count as pages above. */
	PAGEMAP_GUARD,
};

enum page_range_flags {
	PAGE_RANGE_PRESENT = 1, /* some page of the range is in memory */
	PAGE_RANGE_SWAPPED = 2, /* some page of the range is swapped out */
	PAGE_RANGE_GUARD = 4,
};

struct page_range {
	uint64_t start, end; /* addresses, multiples of the page size */
	uint32_t flags;
};

/*
 * What was learned of the kernel, for all scanners that are given it: begins
 * as all zeroes. entries_only is the caller's: keep to the pagemap entries.
 */
struct pagemap_caps {
	bool entries_only;
	bool no_ioctl;		/* PAGEMAP_SCAN is missing: before 6.7 */
	bool no_guard;		/* the ioctl does not tell guard markers: before 6.16 */
	bool zero_known;	/* the next two were looked for */
	uint64_t zero_pfn;	/* 0: not to be had */
	uint64_t huge_zero_pfn; /* its first frame; 0: not to be had */
};

struct pagemap {
	int fd;			   /* owned */
	struct pagemap_caps *caps; /* the caller's */
	void *buf;		   /* owned: the window, or pagemap entries */
	uint64_t ahead;		   /* see pagemap_ahead */
	bool shared;		   /* kind of the window */
	uint64_t from, to;	   /* the window: what of the address space is known */
	size_t nr, cursor;	   /* regions in it; the last one looked at */
};

/* dirfd: /proc/PID. The scanner is for pagemap_close, also after a failure. */
int pagemap_open(
	struct pagemap *pm, int dirfd, struct pagemap_caps *caps, struct err *err);
void pagemap_close(struct pagemap *pm);

/*
 * Promise that the task stays frozen and that ranges will be asked for in
 * ascending order up to end (0: no longer): one system call then answers for
 * many mappings.
 */
void pagemap_ahead(struct pagemap *pm, uint64_t end);

/* A value other than 0 ends the scan, which returns it. */
typedef int pagemap_fn(void *arg, const struct page_range *range, struct err *err);

/* Call fn for each range of wanted pages in [start, end), ascending, merged. */
int pagemap_scan(struct pagemap *pm, uint64_t start, uint64_t end, enum pagemap_want want,
	pagemap_fn *fn, void *arg, struct err *err);

/* The guard markers in [start, end): none on kernels before 6.13. */
int pagemap_guard_ranges(struct pagemap *pm, uint64_t start, uint64_t end, pagemap_fn *fn,
	void *arg, struct err *err);

#endif
