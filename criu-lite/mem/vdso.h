/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages that the kernel itself maps into a task: see vdso.c. */
#ifndef CRL_MEM_VDSO_H
#define CRL_MEM_VDSO_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/mm.pb-c.h"

struct err;
struct puppet;

#define VDSO_PARTS 4

/* The kernel's areas of one address space: vvar (one or more), vdso. */
struct vdso {
	struct vdso_part {
		uint64_t start, len;
		bool code; /* the vdso itself */
	} part[VDSO_PARTS];
	unsigned parts;
};

/* Those of crl itself, which every new task begins with. */
int vdso_own(struct vdso *own, struct err *err);

/* Where they shall be according to an image; parts == 0: nowhere. */
int vdso_of_image(
	const struct vdso *own, const MmEntry *mm, struct vdso *wanted, struct err *err);

/* Add the calls that move the areas of a task from `now` to `wanted`; `parking` is free
 * there. */
int vdso_move(struct puppet *p, const struct vdso *now, const struct vdso *wanted,
	uint64_t parking, struct err *err);

/* Does the image's vdso hold what this kernel's does? `bytes` are its contents in the
 * dump. */
bool vdso_same(const struct vdso *own, const uint8_t *bytes, uint64_t len);

/* Address of a system call instruction in the vdso, 0 when there is none. */
uint64_t vdso_syscall(const struct vdso *own, const struct vdso *there);

/* First and last address of the areas; both 0 without any. */
void vdso_bounds(const struct vdso *v, uint64_t *start, uint64_t *end);

#endif
