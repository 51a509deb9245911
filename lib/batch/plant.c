// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Where the stub lies in a live address space. /proc/PID/mem writes through
 * the protection of a private mapping (the page becomes a private copy), for a
 * tracer also where proc_mem.force_override=ptrace is set.
 *
 * A vdso is a few pages that the kernel fills with an ELF image; what is left
 * of the last page is zero and belongs to nobody. The same is true of the last
 * page of an executable file mapping, whose bytes behind the code are padding
 * of the linker.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crl/arch.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/file.h"
#include "crl/proc/smaps.h"
#include "crl/visit.h"
#include "stale.h"

#define SITE_TAIL 4096 /* only the last page of a mapping is looked at */

/* Offset in `page` of `need` zero bytes up to its end, 16-aligned, or -1. */
static int zero_tail(const uint8_t *page, size_t len, size_t need)
{
	size_t used = len;

	while (used > 0 && page[used - 1] == 0)
		used--;
	used = (used + 31) & ~(size_t)15; /* at least 16 bytes away from what is there */
	return used <= len && len - used >= need ? (int)used : -1;
}

static bool site_room(
	pid_t pid, int mem, const struct plant_site *site, bool stale, uint64_t *at)
{
	uint8_t page[SITE_TAIL];
	uint64_t start = site->end - SITE_TAIL;
	int off;

	if (site->end - site->start < SITE_TAIL ||
		pread(mem, page, sizeof(page), start) != (ssize_t)sizeof(page))
		return false;
	off = stale ? stale_stub(pid, mem, page, sizeof(page), start)
		    : zero_tail(page, sizeof(page), arch_stub_size());
	if (off < 0)
		return false;
	*at = start + off;
	return true;
}

int plant_sites(int proc, struct plant_site *site, unsigned *n, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	struct proc_vma v;
	struct smaps it;
	int ret = smaps_open(&it, proc, "maps", &buf, err);

	*n = 0;
	if (ret)
		return err_in(err, ret, "mappings");
	while (*n < PLANT_SITES && (ret = smaps_next(&it, &v, err)) > 0) {
		bool vdso = proc_text_is(v.name, "[vdso]");

		if (v.prot & PROT_EXEC && !proc_text_is(v.name, "[vsyscall]"))
			site[(*n)++] = (struct plant_site){ v.start, v.end, vdso };
		if (*n == PLANT_SITES && !vdso)
			--*n; /* a later one may be the vdso, which is the best */
	}
	smaps_close(&it);
	return ret < 0 ? ret : 0;
}

int plant_open(struct plant *plant, pid_t pid, const struct plant_site *site,
	unsigned sites, struct err *err)
{
	char path[32];
	auto_fd int mem = -1;
	size_t size = arch_stub_size();

	*plant = (struct plant){ .pid = pid, .mem = -1 };
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = FAULT(PLANT_OPEN) ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (mem < 0)
		return err_os(err, errno, "open %s", path);
	for (int vdso = 1; vdso >= 0 && !plant->stub; vdso--)
		for (unsigned i = 0; i < sites && !plant->stub; i++)
			if (site[i].vdso == vdso)
				site_room(pid, mem, &site[i], false, &plant->stub);
	for (unsigned i = 0; i < sites && !plant->stub; i++)
		site_room(pid, mem, &site[i], true, &plant->stub);
	if (!plant->stub)
		return err_set(err, ENOSPC,
			"no executable mapping has %zu unused bytes at its end for the "
			"stub",
			size);
	if (FAULT(PLANT_WRITE) ||
		pwrite(mem, arch_stub_code(), size, plant->stub) != (ssize_t)size)
		return err_os(err, errno, "write the stub at %#llx",
			(unsigned long long)plant->stub);
	plant->mem = fd_steal(&mem);
	plant->planted = true;
	return 0;
}

void plant_close(struct plant *plant)
{
	static const uint8_t zeros[1024];

	if (plant->planted &&
		pwrite(plant->mem, zeros, arch_stub_size(), plant->stub) < 0)
		errno = 0; /* the task is gone: nothing is left to clean */
	plant->planted = false;
	if (plant->mem >= 0)
		close(plant->mem);
	plant->mem = -1;
}
