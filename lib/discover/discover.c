// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The table of backends, and what is the same for all of them. To add one,
 * write its file, name its struct in backends.h and put it in the table where
 * it belongs: the first whose probe succeeds is taken when nobody asks for a
 * certain one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "crl/discover.h"
#include "crl/err.h"

static const struct discover_backend *const backends[] = {
	&discover_children,
	&discover_bpf,
	NULL,
};

const struct discover_backend *const *discover_backends(void)
{
	return backends;
}

static const struct discover_backend *unknown(const char *name, struct err *err)
{
	char known[256] = "";
	size_t used = 0;

	for (size_t i = 0; backends[i] && used < sizeof(known); i++)
		used += snprintf(known + used, sizeof(known) - used, "%s%s",
			i ? ", " : "", backends[i]->name);
	err_set(err, EINVAL, "no way of discovery is called \"%s\"; known: %s", name,
		known);
	return NULL;
}

const struct discover_backend *discover_backend(const char *name, struct err *err)
{
	for (size_t i = 0; backends[i]; i++) {
		if (name && strcmp(name, backends[i]->name))
			continue;
		if (!backends[i]->probe(err))
			return backends[i];
		if (name) {
			err_in(err, 0, "discovery by %s", name);
			return NULL;
		}
	}
	if (name)
		return unknown(name, err);
	err_in(err, 0, "no way of discovery works here");
	return NULL;
}

static int list_add(void *arg, const struct discover_task *task, struct err *err)
{
	struct discover_list *list = arg;

	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;
		struct discover_task *v = reallocarray(list->v, cap, sizeof(*v));

		if (!v)
			return err_os(err, ENOMEM, "list of tasks");
		list->v = v;
		list->cap = cap;
	}
	list->v[list->n++] = *task;
	return 0;
}

static int by_tgid(const void *left, const void *right)
{
	const struct discover_task *a = left, *b = right;
	bool a_thread = a->pid != a->tgid, b_thread = b->pid != b->tgid;

	if (a->tgid != b->tgid)
		return a->tgid < b->tgid ? -1 : 1;
	if (a_thread != b_thread)
		return a_thread - b_thread;
	return (a->pid > b->pid) - (a->pid < b->pid);
}

int discover_list(const struct discover_backend *backend, pid_t root,
	struct discover_list *list, struct err *err)
{
	size_t kept = 0;
	int ret;

	list->n = 0;
	ret = backend->list(root, DISCOVER_ALL, list_add, list, err);
	if (ret)
		return ret;
	qsort(list->v, list->n, sizeof(*list->v), by_tgid);
	for (size_t i = 0; i < list->n; i++)
		if (!kept || by_tgid(&list->v[kept - 1], &list->v[i]))
			list->v[kept++] = list->v[i];
	list->n = kept;
	return 0;
}

void discover_list_deinit(struct discover_list *list)
{
	free(list->v);
	*list = (struct discover_list){ 0 };
}
