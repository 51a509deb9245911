// SPDX-License-Identifier: GPL-2.0-only
/* The list of obstacles: see obstacles.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "snapshot/obstacles.h"

void obstacles_init(struct obstacles *o)
{
	*o = (struct obstacles){ .lock = PTHREAD_MUTEX_INITIALIZER };
	arena_init(&o->arena);
}

void obstacles_deinit(struct obstacles *o)
{
	arena_deinit(&o->arena);
}

static void enter(
	struct obstacles *o, struct obstacle *new, const char *comm, const char *what)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->list[i].pid == new->pid && !strcmp(o->list[i].what, what))
			return;
	new->comm = arena_text(&o->arena, comm);
	new->what = arena_text(&o->arena, what);
	arena_push(&o->arena, o->list, o->count, o->cap, *new);
}

void obstacles_add(struct obstacles *o, pid_t pid, const char *comm, const char *remedy,
	const char *fmt, ...)
{
	struct obstacle new = { .pid = pid, .remedy = remedy };
	char what[4200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&o->lock);
	enter(o, &new, comm, what);
	pthread_mutex_unlock(&o->lock);
}

bool obstacles_any(struct obstacles *o)
{
	bool any;

	pthread_mutex_lock(&o->lock);
	any = o->count;
	pthread_mutex_unlock(&o->lock);
	return any;
}

static int by_pid(const void *left, const void *right)
{
	const struct obstacle *a = left, *b = right;

	if (a->pid != b->pid)
		return a->pid < b->pid ? -1 : 1;
	return strcmp(a->what, b->what);
}

void obstacles_sort(struct obstacles *o)
{
	if (o->count)
		qsort(o->list, o->count, sizeof(*o->list), by_pid);
}

int obstacles_result(const struct obstacles *o, struct err *err)
{
	size_t used = 0;

	if (!o->count)
		return 0;
	err_set(err, EOPNOTSUPP, "%s", "");
	for (size_t i = 0; i < o->count && used < sizeof(err->text) - 1; i++) {
		const struct obstacle *x = &o->list[i];

		used += snprintf(err->text + used, sizeof(err->text) - used,
			"%spid %d (%s) %s; %s", i ? "\n" : "", x->pid, x->comm, x->what,
			x->remedy);
	}
	if (used >= sizeof(err->text)) {
		static const char more[] = "\n... and more: crl check -t PID lists all";

		memcpy(err->text + sizeof(err->text) - sizeof(more), more, sizeof(more));
	}
	return -EOPNOTSUPP;
}
