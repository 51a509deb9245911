// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which pages are there: /proc/PID/pagemap.
 *
 * Two ways to ask. The ioctl PAGEMAP_SCAN (Linux 6.7) takes a condition and a
 * span of any length and returns ranges; unmapped stretches cost nothing. The
 * entries, 8 bytes a page at offset address / page size * 8, exist on every
 * kernel: bit 63 present, 62 swapped, 61 page of a file or shared memory, 58
 * guard marker (6.15), 0-54 the page frame, or kind and place of the swap, both
 * only for CAP_SYS_ADMIN.
 *
 * Surprises:
 * - The zero page (a page that was read but never written) is "present". The
 *   ioctl names it; the entries only show its frame, which we find by looking
 *   at a page of our own. Without privilege it counts as a page. In a file
 *   mapping it is kept: userfaultfd may put it there, and the file is not zero.
 * - Guard markers (MADV_GUARD_INSTALL, 6.13) look like swapped pages. The ioctl
 *   tells them apart since 6.16, bit 58 since 6.15, before that only the swap
 *   type of markers (31) with bit 2 of the place. So where the ioctl does not
 *   know guards, what it calls swapped is looked at again through the entries.
 * - Pages of a shared memory object are seen only where this task has them in
 *   its page tables; swapped-out ones never are.
 *
 * With pagemap_ahead one ioctl fills a window of ranges as far as the buffer
 * reaches, and calls for the mappings inside are answered from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/pagemap.h"

#define PAGE	 4096ULL
#define HUGE	 (2ULL << 20)
#define BUF_SIZE 32768

/* Ours, for headers older than the call. */
struct pagemap_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, mask, anyof, returned;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

enum {
	IS_FILE = 1 << 2,
	IS_PRESENT = 1 << 3,
	IS_SWAPPED = 1 << 4,
	IS_ZERO = 1 << 5,
	IS_GUARD = 1 << 8,
};

#define ENTRY_FRAME   ((1ULL << 55) - 1)
#define ENTRY_GUARD   (1ULL << 58)
#define ENTRY_FILE    (1ULL << 61)
#define ENTRY_SWAPPED (1ULL << 62)
#define ENTRY_PRESENT (1ULL << 63)
#define MARKER_TYPE   31
#define MARKER_GUARD  (1ULL << 2)

/* Ranges on their way to the caller, merged as they touch. */
struct out {
	enum pagemap_want want;
	struct page_range range;
	pagemap_fn *fn;
	void *arg;
};

static int out_flush(struct out *out, struct err *err)
{
	int ret = 0;

	if (out->range.start < out->range.end)
		ret = out->fn(out->arg, &out->range, err);
	out->range = (struct page_range){ 0 };
	return ret;
}

static bool wanted(enum pagemap_want want, uint64_t categories)
{
	if (want == PAGEMAP_GUARD)
		return categories & IS_GUARD;
	if (categories & IS_GUARD || !(categories & (IS_PRESENT | IS_SWAPPED)))
		return false;
	if (want == PAGEMAP_SHARED)
		return true;
	if (categories & IS_FILE)
		return false;
	return want == PAGEMAP_FILE || !(categories & IS_ZERO);
}

static int out_add(struct out *out, uint64_t start, uint64_t end, uint64_t categories,
	struct err *err)
{
	uint32_t flags = (categories & IS_PRESENT ? PAGE_RANGE_PRESENT : 0) |
			 (categories & IS_SWAPPED ? PAGE_RANGE_SWAPPED : 0);
	int ret;

	if (!wanted(out->want, categories))
		return 0;
	if (categories & IS_GUARD)
		flags = PAGE_RANGE_GUARD;
	if (out->range.end == start && out->range.start < start) {
		out->range.end = end;
		out->range.flags |= flags;
		return 0;
	}
	ret = out_flush(out, err);
	out->range = (struct page_range){ start, end, flags };
	return ret;
}

/* The frame behind a page of ours, 0 where frames are hidden. */
static uint64_t frame_of(int fd, volatile const char *page)
{
	uint64_t entry;

	(void)*page; /* now it is there */
	if (pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / PAGE * 8)) !=
		sizeof(entry))
		return 0;
	return entry & ENTRY_PRESENT ? entry & ENTRY_FRAME : 0;
}

/*
 * Pages that were only read, at two places `step` apart, share one frame: that
 * is the zero page, or the first frame of the huge one. 0 where it is not so.
 */
static uint64_t shared_frame(int fd, size_t step, int advice)
{
	char *map = mmap(NULL, 3 * step, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *at;
	uint64_t frame;

	if (map == MAP_FAILED)
		return 0;
	madvise(map, 3 * step, advice); /* fails where there are no huge pages */
	at = map + (step - (uintptr_t)map % step) % step;
	frame = frame_of(fd, at);
	if (frame != frame_of(fd, at + step))
		frame = 0;
	munmap(map, 3 * step);
	return frame;
}

/*
 * A process that has once touched the huge zero page keeps it from being freed
 * until its end. Newer kernels call it a page of a file, which is left out too.
 */
static void find_zero_frames(struct pagemap_caps *caps)
{
	auto_fd int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t huge;

	caps->zero_known = true;
	if (fd < 0)
		return;
	caps->zero_pfn = shared_frame(fd, PAGE, MADV_NOHUGEPAGE);
	huge = shared_frame(fd, HUGE, MADV_HUGEPAGE);
	if (huge != caps->zero_pfn && huge % (HUGE / PAGE) == 0)
		caps->huge_zero_pfn = huge;
}

static bool is_zero_frame(struct pagemap_caps *caps, uint64_t frame)
{
	if (frame == 0)
		return false;
	if (!caps->zero_known)
		find_zero_frames(caps);
	return frame == caps->zero_pfn ||
	       (caps->huge_zero_pfn && frame - caps->huge_zero_pfn < HUGE / PAGE);
}

static uint64_t entry_categories(struct pagemap_caps *caps, uint64_t entry)
{
	uint64_t frame = entry & ENTRY_FRAME, categories = 0;

	if (entry & ENTRY_FILE)
		categories |= IS_FILE;
	if (entry & ENTRY_GUARD)
		categories |= IS_GUARD;
	if (entry & ENTRY_SWAPPED) {
		categories |= IS_SWAPPED;
		if ((frame & 31) == MARKER_TYPE && frame >> 5 & MARKER_GUARD)
			categories |= IS_GUARD;
	}
	if (entry & ENTRY_PRESENT) {
		categories |= IS_PRESENT;
		if (!(entry & ENTRY_FILE) && is_zero_frame(caps, frame))
			categories |= IS_ZERO;
	}
	return categories;
}

/* [start, end) through the entries; buf has room for nr of them. */
static int scan_entries(struct pagemap *pm, uint64_t *buf, size_t nr, uint64_t start,
	uint64_t end, struct out *out, struct err *err)
{
	int ret = 0;

	while (start < end && ret == 0) {
		size_t todo = (end - start) / PAGE < nr ? (end - start) / PAGE : nr;
		ssize_t n = pread(pm->fd, buf, todo * 8, (off_t)(start / PAGE * 8));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_os(err, errno, "read pagemap");
		if (n < 8) /* beyond the end of the address space */
			return 0;
		for (size_t i = 0; i < (size_t)n / 8 && ret == 0; i++, start += PAGE)
			if (buf[i] & (ENTRY_PRESENT | ENTRY_SWAPPED | ENTRY_GUARD))
				ret = out_add(out, start, start + PAGE,
					entry_categories(pm->caps, buf[i]), err);
	}
	return ret;
}

static int scan_all_entries(struct pagemap *pm, uint64_t start, uint64_t end,
	struct out *out, struct err *err)
{
	pm->nr = 0;
	pm->from = pm->to = 0; /* the buffer is no window any more */
	return scan_entries(pm, pm->buf, BUF_SIZE / 8, start, end, out, err);
}

/* One ioctl; finds out on the way what the kernel can do. */
static int fill_window(
	struct pagemap *pm, uint64_t start, uint64_t end, bool shared, struct err *err)
{
	struct scan_arg arg = { .size = sizeof(arg), .start = start, .end = end };
	int n;

	arg.vec = (uint64_t)(uintptr_t)pm->buf;
	arg.vec_len = BUF_SIZE / sizeof(struct pagemap_region);
	arg.inverted = arg.mask = shared ? 0 : IS_FILE;
	arg.anyof = IS_PRESENT | IS_SWAPPED;
	do {
		uint64_t guard = pm->caps->no_guard ? 0 : IS_GUARD;

		arg.returned = IS_PRESENT | IS_SWAPPED | IS_ZERO | guard;
		n = FAULT(PAGEMAP_SCAN) ? -1 : ioctl(pm->fd, SCAN_IOCTL, &arg);
		if (n < 0 && errno == EINVAL && guard)
			pm->caps->no_guard = true;
		else if (n < 0 && errno == ENOTTY)
			pm->caps->no_ioctl = true;
		else if (n < 0 && errno != EINTR)
			return err_os(err, errno, "scan pagemap");
	} while (n < 0 && !pm->caps->no_ioctl);
	if (n < 0)
		return -ENOTTY;
	if (arg.walk_end <= start || arg.walk_end > end)
		return err_set(err, EIO, "pagemap scan stopped where it began");
	pm->from = start;
	pm->to = arg.walk_end;
	pm->shared = shared;
	pm->nr = (size_t)n;
	pm->cursor = 0;
	return 0;
}

/* What the window holds of [start, end). */
static int emit_window(struct pagemap *pm, uint64_t start, uint64_t end, struct out *out,
	struct err *err)
{
	const struct pagemap_region *regions = pm->buf;
	int ret = 0;

	if (pm->cursor && regions[pm->cursor - 1].end > start)
		pm->cursor = 0;
	while (pm->cursor < pm->nr && regions[pm->cursor].end <= start)
		pm->cursor++;
	for (size_t i = pm->cursor; i < pm->nr && regions[i].start < end && ret == 0;
		i++) {
		uint64_t from = regions[i].start > start ? regions[i].start : start;
		uint64_t to = regions[i].end < end ? regions[i].end : end;
		uint64_t entries[256];

		if (pm->caps->no_guard && regions[i].categories & IS_SWAPPED)
			ret = scan_entries(pm, entries, 256, from, to, out, err);
		else
			ret = out_add(out, from, to, regions[i].categories, err);
	}
	return ret;
}

static int scan_windows(struct pagemap *pm, uint64_t start, uint64_t end, struct out *out,
	struct err *err)
{
	bool shared = out->want == PAGEMAP_SHARED;
	uint64_t to;
	int ret = 0;

	while (start < end && ret == 0) {
		if (shared != pm->shared || start < pm->from || start >= pm->to) {
			to = !shared && pm->ahead > end ? pm->ahead : end;
			ret = fill_window(pm, start, to, shared, err);
			if (ret < 0)
				return ret;
		}
		to = pm->to < end ? pm->to : end;
		ret = emit_window(pm, start, to, out, err);
		start = to;
	}
	return ret;
}

int pagemap_open(
	struct pagemap *pm, int dirfd, struct pagemap_caps *caps, struct err *err)
{
	*pm = (struct pagemap){ .fd = -1, .caps = caps };
	pm->buf = malloc(BUF_SIZE);
	if (!pm->buf)
		return err_os(err, ENOMEM, "pagemap buffer");
	pm->fd =
		FAULT(PAGEMAP_OPEN) ? -1 : openat(dirfd, "pagemap", O_RDONLY | O_CLOEXEC);
	return pm->fd < 0 ? err_os(err, errno, "open pagemap") : 0;
}

void pagemap_close(struct pagemap *pm)
{
	if (pm->fd >= 0)
		close(pm->fd);
	free(pm->buf);
	*pm = (struct pagemap){ .fd = -1 };
}

void pagemap_ahead(struct pagemap *pm, uint64_t end)
{
	pm->ahead = end;
	pm->from = pm->to = 0;
}

int pagemap_scan(struct pagemap *pm, uint64_t start, uint64_t end, enum pagemap_want want,
	pagemap_fn *fn, void *arg, struct err *err)
{
	struct out out = { .want = want, .fn = fn, .arg = arg };
	int ret = 0;

	if (!pm->ahead) /* nobody promised that nothing has changed */
		pm->from = pm->to = 0;
	if (!pm->caps->no_ioctl && !pm->caps->entries_only)
		ret = scan_windows(pm, start, end, &out, err);
	if (pm->caps->no_ioctl && want == PAGEMAP_GUARD)
		return 0; /* such a kernel has none */
	if (pm->caps->no_ioctl || pm->caps->entries_only)
		ret = scan_all_entries(pm, start, end, &out, err);
	return ret ? ret : out_flush(&out, err);
}

int pagemap_guard_ranges(struct pagemap *pm, uint64_t start, uint64_t end, pagemap_fn *fn,
	void *arg, struct err *err)
{
	return pagemap_scan(pm, start, end, PAGEMAP_GUARD, fn, arg, err);
}
