// SPDX-License-Identifier: LGPL-2.1-or-later
/* Open addressing over an array that only grows: see set.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "set.h"

#define FIRST_CAP 64

static size_t first_slot(const struct seize_set *set, pid_t tid)
{
	return (uint32_t)tid * 2654435761u & (set->slots - 1);
}

static uint32_t *slot_of(const struct seize_set *set, pid_t tid)
{
	size_t at = first_slot(set, tid);

	while (set->slot[at] && set->v[set->slot[at] - 1].tid != tid)
		at = (at + 1) & (set->slots - 1);
	return &set->slot[at];
}

static int grow(struct seize_set *set, struct err *err)
{
	size_t cap = set->cap ? 2 * set->cap : FIRST_CAP;
	struct seized *v = reallocarray(set->v, cap, sizeof(*v));
	uint32_t *pending, *slot;

	if (v)
		set->v = v;
	pending = reallocarray(set->pending, cap, sizeof(*pending));
	if (pending)
		set->pending = pending;
	slot = calloc(2 * cap, sizeof(*slot));
	if (!v || !pending || !slot) {
		free(slot);
		return err_os(err, ENOMEM, "table of %zu threads", cap);
	}
	free(set->slot);
	set->slot = slot;
	set->slots = 2 * cap;
	set->cap = cap;
	for (size_t i = 0; i < set->n; i++)
		*slot_of(set, set->v[i].tid) = (uint32_t)i + 1;
	return 0;
}

struct seized *set_find(const struct seize_set *set, pid_t tid)
{
	uint32_t found = set->slots ? *slot_of(set, tid) : 0;

	return found ? &set->v[found - 1] : NULL;
}

struct seized *set_add(struct seize_set *set, pid_t tid, struct err *err)
{
	struct seized *s = set_find(set, tid);

	if (s)
		return s;
	if (set->n == set->cap && grow(set, err))
		return NULL;
	s = &set->v[set->n++];
	*s = (struct seized){ .tid = tid };
	*slot_of(set, tid) = (uint32_t)set->n;
	return s;
}

void set_ask(struct seize_set *set, struct seized *s)
{
	s->state = SEIZED_ASKED;
	if (s->queued)
		return;
	s->queued = true;
	set->pending[set->n_pending++] = (uint32_t)(s - set->v);
}

void set_deinit(struct seize_set *set)
{
	free(set->v);
	free(set->pending);
	free(set->slot);
	*set = (struct seize_set){ 0 };
}
