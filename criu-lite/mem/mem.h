/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a task, on its way into images. The folder holds one file an
 * object: vma.c (mappings), pages.c (their contents), shmem.c (shared anonymous
 * memory), mm.c (the rest: brk, auxiliary vector, program file), vdso.c.
 */
#ifndef CRL_MEM_MEM_H
#define CRL_MEM_MEM_H

#include <stdint.h>
#include <sys/types.h>

#include "proto/mm.pb-c.h"
#include "proto/vma.pb-c.h"

struct dump_task;
struct err;
struct files;
struct shmem;

/* Bits of VmaEntry.status. */
enum vma_status {
	VMA_AREA_REGULAR = 1 << 0,
	VMA_AREA_STACK = 1 << 1,
	VMA_AREA_VSYSCALL = 1 << 2,
	VMA_AREA_VDSO = 1 << 3,
	VMA_AREA_HEAP = 1 << 5,
	VMA_FILE_PRIVATE = 1 << 6,
	VMA_FILE_SHARED = 1 << 7,
	VMA_ANON_SHARED = 1 << 8,
	VMA_ANON_PRIVATE = 1 << 9,
	VMA_AREA_SYSVIPC = 1 << 10,
	VMA_AREA_SOCKET = 1 << 11,
	VMA_AREA_VVAR = 1 << 12,
	VMA_AREA_AIORING = 1 << 13,
	VMA_AREA_MEMFD = 1 << 14,
	VMA_AREA_SHSTK = 1 << 15,
	VMA_AREA_GUARD = 1 << 16,
};

#define PAGE 4096ull

struct mem_dump {
	MmEntry *mm;
	size_t vma_cap;
	uint64_t guard_from; /* index of the first GUARD entry */
};

/*
 * Read all mappings of a task into m->mm; files and shared memory are entered
 * into their tables. What cannot be carried becomes an obstacle.
 */
int vma_collect(struct dump_task *t, struct files *files, struct shmem *shmem,
	struct mem_dump *m, struct err *err);

/* The rest of the mm message, after the task was asked for brk and the like. */
int mm_collect(
	struct dump_task *t, struct files *files, struct mem_dump *m, struct err *err);

/* Does the area hold pages of the task's own? */
static inline int vma_private(const VmaEntry *e)
{
	return (e->status & VMA_AREA_REGULAR) &&
	       (e->status & (VMA_ANON_PRIVATE | VMA_FILE_PRIVATE)) &&
	       !(e->status & VMA_AREA_VVAR);
}

#endif
