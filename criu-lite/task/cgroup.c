// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cgroups. /proc/PID/cgroup names the cgroup of a task in every hierarchy. A
 * restored tree is in those of `crl restore`, and limits and freezing are then
 * those of that place; so a tree that was elsewhere is told of. Not carried yet.
 */
#include <fcntl.h>
#include <string.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/log.h"
#include "crl/proc/cgroup.h"
#include "crl/proc/records.h"
#include "task/cgroup.h"
#include "task/task.h"

int cgroups_init(struct cgroups *c, struct err *err)
{
	*c = (struct cgroups){ 0 };
	return proc_read(AT_FDCWD, "/proc/self/cgroup", &c->own, err);
}

void cgroups_deinit(struct cgroups *c)
{
	proc_buf_deinit(&c->own);
}

/* The first line of a and b that differs, as it stands in a. */
static struct proc_text first_difference(
	const struct proc_buf *a, const struct proc_buf *b)
{
	size_t at = 0, begin = 0, end;

	while (at < a->len && at < b->len && a->data[at] == b->data[at])
		if (a->data[at++] == '\n')
			begin = at;
	for (end = begin; end < a->len && a->data[end] != '\n'; end++)
		;
	return (struct proc_text){ a->data + begin, end - begin };
}

int cgroups_check(struct cgroups *c, struct dump_task *t, struct err *err)
{
	struct proc_text line;
	int ret;

	if (c->warned || (t->record && c->same && t->record->cgroups == c->same))
		return 0;
	ret = proc_read(t->proc, "cgroup", t->buf, err);
	if (ret)
		return ret;
	line = first_difference(t->buf, &c->own);
	if (!line.len) {
		c->same = t->record ? t->record->cgroups : 0;
		return 0;
	}
	c->warned = true;
	log_warn(t->log,
		"pid %d (%s) is in cgroup %.*s; a restored tree is in the cgroups of crl "
		"restore",
		t->pid, t->stat.comm, (int)line.len, line.s);
	return 0;
}
