/* SPDX-License-Identifier: GPL-2.0-only */
/* Putting pages into the mappings of a puppet: see refill.c. */
#ifndef CRL_MEM_REFILL_H
#define CRL_MEM_REFILL_H

#include "proto/mm.pb-c.h"

struct carrier;
struct err;
struct layout;
struct mem_restore;
struct puppet;
struct snap_task;

/* `parent`: whose memory was inherited, or NULL. Sets `touched` in the layout. */
int refill_task(struct mem_restore *r, struct puppet *p, struct carrier *c,
	struct layout *l, const MmEntry *mm, const struct snap_task *t,
	const struct snap_task *parent, struct err *err);

#endif
