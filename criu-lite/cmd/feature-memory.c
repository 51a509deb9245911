// SPDX-License-Identifier: GPL-2.0-only
/* Features: seeing and restoring memory. All is tried on memory of crl's own, or of a
 * child's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cmd/features.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/file.h"
#include "crl/proc/pagemap.h"
#include "crl/proc/smaps.h"
#include "crl/proc/stat.h"
#include "feature.h"
#include "task/subject.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define PAGE 4096ul

/* ---- which pages ---- */

static int add_pages(void *arg, const struct page_range *range, struct err *err)
{
	*(uint64_t *)arg += (range->end - range->start) / PAGE;
	return 0;
}

/* Of three pages the middle one is used: do we see that one? With `guard`: it is a guard
 * page. */
static int scan_three(struct pagemap_caps *caps, bool guard, struct err *err)
{
	char *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	auto_fd int self = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	struct pagemap pm = { .fd = -1 };
	uint64_t from = (uintptr_t)map, pages = 0;
	int ret;

	if (map == MAP_FAILED || self < 0)
		return err_os(err, errno, "a piece of memory");
	map[PAGE] = 1;
	if (guard && madvise(map + PAGE, PAGE, MADV_GUARD_INSTALL))
		ret = err_os(err, errno, "MADV_GUARD_INSTALL");
	else
		ret = pagemap_open(&pm, self, caps, err);
	if (!ret)
		ret = guard ? pagemap_guard_ranges(
				      &pm, from, from + 3 * PAGE, add_pages, &pages, err)
			    : pagemap_scan(&pm, from, from + 3 * PAGE, PAGEMAP_ANON,
				      add_pages, &pages, err);
	pagemap_close(&pm);
	munmap(map, 3 * PAGE);
	if (!ret && pages != 1)
		ret = err_set(err, EIO, "%llu pages seen instead of one",
			(unsigned long long)pages);
	return ret;
}

static int try_pagemap(struct err *err)
{
	struct pagemap_caps caps = { .entries_only = true };

	return scan_three(&caps, false, err);
}

static int try_pagemap_scan(struct err *err)
{
	struct pagemap_caps caps = { 0 };
	int ret = scan_three(&caps, false, err);

	return ret || !caps.no_ioctl
		       ? ret
		       : err_set(err, ENOTTY, "/proc/PID/pagemap is read instead");
}

/* Where the kernel has no guard pages, no task has any. */
static int try_guard_pages(struct err *err)
{
	struct pagemap_caps caps = { 0 };
	int ret = scan_three(&caps, true, err);

	return ret == -EINVAL ? 0 : ret;
}

static int try_scan_guards(struct err *err)
{
	struct pagemap_caps caps = { 0 };
	int ret = scan_three(&caps, true, err);

	if (!ret && (caps.no_ioctl || caps.no_guard))
		ret = err_set(err, EOPNOTSUPP, "PAGEMAP_SCAN does not tell guard pages");
	return ret;
}

/* ---- mappings ---- */

static int try_map_files(struct err *err)
{
	char *map = mmap(
		NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[64];
	auto_fd int fd = -1;

	if (map == MAP_FAILED)
		return err_os(err, errno, "a piece of memory");
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)map,
		(unsigned long)map + PAGE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	munmap(map, PAGE);
	if (fd < 0)
		return err_os(err, errno, "open %s%s", path,
			errno == EPERM ? " (needs CAP_CHECKPOINT_RESTORE)" : "");
	return 0;
}

static int try_vm_read(struct err *err)
{
	static const char known[] = "known";
	char found[sizeof(known)];
	struct iovec here = { found, sizeof(found) },
		     there = { (void *)known, sizeof(known) };
	struct subject s;
	int ret = subject_start(&s, NULL, err);

	if (!ret && process_vm_readv(s.pid, &here, 1, &there, 1, 0) != sizeof(found))
		ret = err_os(err, errno, "process_vm_readv");
	if (!ret && memcmp(found, known, sizeof(known)))
		ret = err_set(err, EIO, "process_vm_readv gave something else");
	subject_end(&s);
	return ret;
}

/* In a child: set all addresses to what they are. */
static int set_own_mm(bool exe)
{
	auto_fd int self = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	auto_fd int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_stat s;
	struct err err;

	if (self < 0 || program < 0 || stat_read(self, &buf, &s, &err))
		return -ENOENT;
	struct prctl_mm_map map = { .start_code = s.start_code,
		.end_code = s.end_code,
		.start_data = s.start_data,
		.end_data = s.end_data,
		.start_brk = s.start_brk,
		.brk = (uintptr_t)sbrk(0),
		.start_stack = s.start_stack,
		.arg_start = s.arg_start,
		.arg_end = s.arg_end,
		.env_start = s.env_start,
		.env_end = s.env_end,
		.exe_fd = exe ? (uint32_t)program : UINT32_MAX };

	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) ? -errno : 0;
}

static int set_addresses(void)
{
	return set_own_mm(false);
}

/* That the present program is still mapped is found out after the permission was judged.
 */
static int set_program(void)
{
	int ret = set_own_mm(true);

	return ret == -EBUSY ? 0 : ret;
}

static int try_mm_map(struct err *err)
{
	struct subject s;
	int ret = subject_start(&s, set_addresses, err);

	subject_end(&s);
	if (!ret) {
		ret = subject_start(&s, set_program, err);
		subject_end(&s);
		if (ret)
			err_in(err, ret,
				"set the program (needs CAP_CHECKPOINT_RESTORE)");
	}
	return ret ? err_in(err, ret, "PR_SET_MM_MAP") : 0;
}

/* The vdso is moved with mremap: is it one that can be found? */
static int try_vdso(struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	bool found = false;
	struct proc_vma v;
	struct smaps it;
	int ret = smaps_open(&it, AT_FDCWD, "/proc/self/maps", &buf, err);

	if (ret)
		return ret;
	while ((ret = smaps_next(&it, &v, err)) > 0)
		found |= proc_text_is(v.name, "[vdso]");
	smaps_close(&it);
	if (!ret && !found)
		ret = feature_limited(err,
			"this kernel gives tasks none; dumps of other kernels need one");
	return ret;
}

const struct feature features_memory[] = {
	{ "map_files", NEED_REQUIRED, "open exactly what a task has mapped", "Linux 5.9",
		try_map_files },
	{ "process_vm_readv", NEED_REQUIRED, "read the memory of a task", NULL,
		try_vm_read },
	{ "pagemap", NEED_REQUIRED, "see which pages are used", NULL, try_pagemap },
	{ "mm_map", NEED_REQUIRED, "set program, arguments and heap (PR_SET_MM_MAP)",
		NULL, try_mm_map },
	{ "pagemap_scan", NEED_USEFUL, "see it faster (PAGEMAP_SCAN)", "Linux 6.7",
		try_pagemap_scan },
	{ "guard_pages", NEED_USEFUL, "see the pages of MADV_GUARD_INSTALL", NULL,
		try_guard_pages },
	{ "vdso", NEED_USEFUL, "the pages of the kernel in every task", NULL, try_vdso },
	{ "pagemap_scan_guard_pages", NEED_SCRIPT, "guard pages by PAGEMAP_SCAN",
		"Linux 6.16", try_scan_guards },
	{ 0 },
};
