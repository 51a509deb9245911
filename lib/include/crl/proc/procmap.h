/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One mapping at a time by the ioctl PROCMAP_QUERY of Linux 6.11. */
#ifndef CRL_PROC_PROCMAP_H
#define CRL_PROC_PROCMAP_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct proc_vma;

/*
 * The mapping that holds addr, or else the first one above it; fd is an open
 * /proc/PID/maps. The name (unescaped) is written to name and terminated;
 * size 0 leaves it out, which is faster. Returns 1, 0 when nothing is there or
 * above, -ENOTTY on older kernels, -ENAMETOOLONG when the name does not fit.
 * VmFlags and the protection key are not to be had this way.
 */
int procmap_query(int fd, uint64_t addr, struct proc_vma *vma, char *name, size_t size,
	struct err *err);

#endif
