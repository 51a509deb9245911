// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * PROCMAP_QUERY (Linux 6.11): an ioctl on /proc/PID/maps that answers for one
 * address, without printing and scanning text. It is made for asking about
 * single addresses; for a whole address space a pass over maps costs as much.
 * Names come unescaped. [vsyscall] is not found, as it is no mapping.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "crl/err.h"
#include "crl/proc/procmap.h"
#include "crl/proc/smaps.h"

/* Ours, for headers older than the call. */
struct query {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t name_size;
	uint32_t build_id_size;
	uint64_t name_addr;
	uint64_t build_id_addr;
};

enum {
	QUERY_READABLE = 0x01,
	QUERY_WRITABLE = 0x02,
	QUERY_EXECUTABLE = 0x04,
	QUERY_SHARED = 0x08,
	QUERY_OR_NEXT = 0x10,
};

#define QUERY_IOCTL _IOWR('f', 17, struct query)

int procmap_query(int fd, uint64_t addr, struct proc_vma *vma, char *name, size_t size,
	struct err *err)
{
	struct query q = { .size = sizeof(q), .query_flags = QUERY_OR_NEXT };

	q.query_addr = addr;
	if (size) {
		q.name_addr = (uint64_t)(uintptr_t)name;
		q.name_size = size > 4096 ? 4096 : (uint32_t)size;
	}
	if (ioctl(fd, QUERY_IOCTL, &q) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_os(err, errno, "mapping at 0x%llx", (unsigned long long)addr);
	}
	if (size && !q.name_size)
		name[0] = '\0';
	*vma = (struct proc_vma){
		.start = q.vma_start,
		.end = q.vma_end,
		.pgoff = q.vma_offset,
		.inode = q.inode,
		.major = q.dev_major,
		.minor = q.dev_minor,
		.prot = (q.vma_flags & QUERY_READABLE ? PROT_READ : 0) |
			(q.vma_flags & QUERY_WRITABLE ? PROT_WRITE : 0) |
			(q.vma_flags & QUERY_EXECUTABLE ? PROT_EXEC : 0),
		.pkey = -1,
		.shared = q.vma_flags & QUERY_SHARED,
		.name = { size ? name : "", q.name_size ? q.name_size - 1 : 0 },
	};
	return 1;
}
