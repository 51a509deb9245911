/* SPDX-License-Identifier: GPL-2.0-only */
/* What becomes of each mapping that a new task has or needs: see layout.c. */
#ifndef CRL_MEM_LAYOUT_H
#define CRL_MEM_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/mm.pb-c.h"

struct arena;

enum layout_how { LAYOUT_NEW, LAYOUT_INHERIT, LAYOUT_RESIZE };

struct layout_area {
	const VmaEntry *want;
	const VmaEntry *had; /* the parent's, unless new */
	enum layout_how how;
	bool touched; /* was made writable to put pages in */
};

struct layout {
	struct layout_area *area; /* all ordinary mappings of the task, ascending */
	size_t count;
	/* Ranges of the parent's mappings that must go, ascending. */
	struct layout_range {
		uint64_t start, end;
	} * drop;
	size_t drops;
};

/* `had` NULL: nothing is inherited, and nothing to drop. */
void layout_make(
	struct layout *l, const MmEntry *want, const MmEntry *had, struct arena *a);

#endif
