/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/maps and smaps: the mappings of a task, one after the other. */
#ifndef CRL_PROC_SMAPS_H
#define CRL_PROC_SMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crl/proc/file.h"
#include "crl/proc/text.h"

struct err;

/* VmFlags of Linux 5.10 to 6.19, a bit of proc_vma.flags each, named as shown. */
enum vma_flag {
	VMA_RD, /* readable, writable, executable, shared */
	VMA_WR,
	VMA_EX,
	VMA_SH,
	VMA_MR, /* may become so */
	VMA_MW,
	VMA_ME,
	VMA_MS,
	VMA_GD, /* stack, grows down */
	VMA_PF, /* bare page frames */
	VMA_DW, /* no writing to the file; until 5.14 */
	VMA_LO, /* locked */
	VMA_IO,
	VMA_SR, /* sequential, random reading */
	VMA_RR,
	VMA_DC, /* not in a child */
	VMA_DE, /* does not grow by mremap */
	VMA_LF, /* locked as it is touched */
	VMA_AC, /* accountable */
	VMA_NR, /* no reserve */
	VMA_HT, /* hugetlb */
	VMA_SF, /* synchronous faults: MAP_SYNC */
	VMA_NL, /* nonlinear; until 4.0 */
	VMA_AR, /* of the architecture */
	VMA_WF, /* wiped in a child */
	VMA_DD, /* not in a core dump */
	VMA_SD, /* soft-dirty */
	VMA_MM, /* mixed map */
	VMA_HG, /* madvise: huge pages, no huge pages, mergeable */
	VMA_NH,
	VMA_MG,
	VMA_UM, /* userfaultfd: missing, write-protect, minor */
	VMA_UW,
	VMA_UI,
	VMA_SS, /* shadow stack */
	VMA_DP, /* droppable */
	VMA_SL, /* sealed */
	VMA_GU, /* may hold guard markers; 6.19 */
	VMA_BT, /* arm64: branch targets, memory tags */
	VMA_MT,
	VMA_UNKNOWN = 63 /* one without a name here: see proc_vma.unknown */
};

struct proc_vma {
	uint64_t start, end;
	uint64_t flags; /* 1 << VMA_*; 0 in maps, see has_flags */
	uint64_t pgoff; /* bytes */
	uint64_t inode;
	uint32_t major, minor; /* of the super block: stat() may say otherwise */
	int prot;	       /* PROT_READ, PROT_WRITE, PROT_EXEC */
	int pkey;	       /* protection key, -1 when not shown */
	bool shared;
	bool has_flags;
	struct proc_text name; /* as shown, empty without one */
	char unknown[16];      /* names of flags not in the enum: "xy zz " */
};

static inline bool vma_has(const struct proc_vma *vma, enum vma_flag flag)
{
	return vma->flags >> flag & 1;
}

/* The two letters of a flag, "" when there is no such flag. */
void vma_flag_name(enum vma_flag flag, char name[3]);

/*
 * True when the name ends in " (deleted)": the file was unlinked, or is really
 * called so; *len is then the length of what stands before.
 */
bool vma_name_deleted(const struct proc_vma *vma, size_t *len);

/* A pass over maps or smaps text; which of the two shows by itself. */
struct smaps {
	int fd; /* owned; -1 when the text is all there */
	bool eof;
	struct proc_buf *buf;
	const char *pos, *end;
};

/* From memory: text stays the caller's, and must stay. */
void smaps_init(struct smaps *it, const char *text, size_t len);

/*
 * From a file, name being "maps" or "smaps" and dirfd /proc/PID. buf is used
 * as a window of some 64 KiB until smaps_close, and must not move.
 */
int smaps_open(struct smaps *it, int dirfd, const char *name, struct proc_buf *buf,
	struct err *err);
void smaps_close(struct smaps *it);

/* The next mapping: 1, 0 at the end, or -errno. vma->name lives until the next call. */
int smaps_next(struct smaps *it, struct proc_vma *vma, struct err *err);

#endif
