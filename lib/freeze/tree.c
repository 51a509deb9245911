// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The threads that are held are sorted by process, each process is read from
 * /proc once, and the processes are put in pre-order. Since everybody stands,
 * what is read now is what is so: a process that is not in the state in which we
 * hold it, or whose parent we do not hold, means that somebody was killed or
 * exchanged behind our back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/freeze.h"
#include "crl/proc/stat.h"
#include "freezing.h"
#include "tree.h"

struct build {
	struct freezing *f;
	const struct seized **held; /* sorted by process, leaders first */
	size_t n_held;
	struct frozen_task *tasks; /* ascending by pid */
	size_t n_tasks;
	struct frozen_thread *threads;
	size_t n_threads;
};

static int by_process(const void *left, const void *right)
{
	const struct seized *a = *(const struct seized *const *)left;
	const struct seized *b = *(const struct seized *const *)right;
	bool a_thread = a->tid != a->tgid, b_thread = b->tid != b->tgid;

	if (a->tgid != b->tgid)
		return a->tgid < b->tgid ? -1 : 1;
	if (a_thread != b_thread)
		return a_thread - b_thread;
	return (a->tid > b->tid) - (a->tid < b->tid);
}

static int collect(struct build *b, struct err *err)
{
	struct seize_set *set = &b->f->set;

	b->held = calloc(set->n + 1, sizeof(*b->held));
	if (!b->held)
		return err_os(err, ENOMEM, "list of %zu threads", set->n);
	for (size_t i = 0; i < set->n; i++) {
		const struct seized *s = &set->v[i];

		if (s->state == SEIZED_NOT)
			continue;
		b->held[b->n_held++] = s;
		b->n_threads += s->state == SEIZED_STOPPED;
		b->n_tasks += s->tid == s->tgid;
	}
	qsort(b->held, b->n_held, sizeof(*b->held), by_process);
	b->tasks = calloc(b->n_tasks + 1, sizeof(*b->tasks));
	b->threads = calloc(b->n_threads + 1, sizeof(*b->threads));
	if (!b->tasks || !b->threads)
		return err_os(err, ENOMEM, "tree of %zu tasks", b->n_tasks);
	return 0;
}

/* A zombie that is none, or no longer there, is to be looked at anew. */
static int disbelieve(struct build *b, pid_t tid)
{
	struct seized *s = set_find(&b->f->set, tid);

	if (s->state == SEIZED_ZOMBIE)
		s->state = SEIZED_NOT;
	return TREE_CHANGED;
}

static int read_task(struct build *b, const struct seized *s, struct frozen_task *task,
	struct err *err)
{
	bool zombie = s->state == SEIZED_ZOMBIE;
	char path[PROC_PATH_SIZE];
	struct proc_stat stat;
	int ret;

	snprintf(path, sizeof(path), "%d/stat", s->tid);
	ret = proc_read(b->f->proc, path, &b->f->buf, err);
	if (ret == -ENOENT || ret == -ESRCH)
		return disbelieve(b, s->tid);
	if (!ret)
		ret = stat_parse(b->f->buf.data, b->f->buf.len, &stat, err);
	if (ret)
		return ret;
	if (stat.state != (zombie ? 'Z' : 't') || (zombie && stat.num_threads > 1))
		return disbelieve(b, s->tid);
	task->pid = s->tid;
	task->ppid = stat.ppid;
	task->pgid = stat.pgrp;
	task->sid = stat.session;
	task->state = zombie ? FROZEN_ZOMBIE : FROZEN_ALIVE;
	task->start_time = stat.start_time;
	snprintf(task->comm, sizeof(task->comm), "%.15s", stat.comm);
	return 0;
}

static int add_thread(struct build *b, const struct seized *s, struct frozen_task *task)
{
	if (task->pid != s->tgid ||
		task->state == FROZEN_ZOMBIE) /* whose leader is not there */
		return TREE_CHANGED;
	if (!task->n_threads)
		task->threads = &b->threads[b->n_threads];
	task->n_threads++;
	b->threads[b->n_threads++] =
		(struct frozen_thread){ .tid = s->tid, .attached = 1 };
	if (s->stop_signal) {
		task->state = FROZEN_STOPPED;
		task->stop_signal = s->stop_signal;
	}
	return 0;
}

static int read_tasks(struct build *b, struct err *err)
{
	struct frozen_task *task = NULL;
	int ret = 0;

	b->n_tasks = b->n_threads = 0;
	for (size_t i = 0; !ret && i < b->n_held; i++) {
		const struct seized *s = b->held[i];

		if (s->tid == s->tgid) {
			task = &b->tasks[b->n_tasks++];
			ret = read_task(b, s, task, err);
		}
		if (!ret && s->state == SEIZED_STOPPED)
			ret = task ? add_thread(b, s, task) : TREE_CHANGED;
	}
	return ret;
}

static int by_pid(const void *key, const void *member)
{
	pid_t pid = *(const pid_t *)key,
	      other = ((const struct frozen_task *)member)->pid;

	return (pid > other) - (pid < other);
}

static int find_parents(struct build *b)
{
	for (size_t i = 0; i < b->n_tasks; i++) {
		struct frozen_task *task = &b->tasks[i], *parent;

		task->parent = -1;
		if (task->pid == b->f->root)
			continue;
		parent = bsearch(
			&task->ppid, b->tasks, b->n_tasks, sizeof(*b->tasks), by_pid);
		if (!parent || parent == task)
			return TREE_CHANGED;
		task->parent = (int)(parent - b->tasks);
	}
	return 0;
}

/* Where a task finds its first child and its next sibling, and where it ends up. */
struct link {
	int child, sibling, place;
};

static void link_tasks(const struct build *b, struct link *link, int *root)
{
	for (size_t i = 0; i < b->n_tasks; i++)
		link[i].child = link[i].sibling = -1;
	for (size_t i = b->n_tasks; i-- > 0;) {
		int parent = b->tasks[i].parent;

		if (parent < 0) {
			*root = (int)i;
			continue;
		}
		link[i].sibling = link[parent].child;
		link[parent].child = (int)i;
	}
}

/* Down to the first child, else on to the next sibling of the nearest who has one. */
static int next_in_preorder(const struct build *b, const struct link *link, int at)
{
	if (link[at].child >= 0)
		return link[at].child;
	while (at >= 0 && link[at].sibling < 0)
		at = b->tasks[at].parent;
	return at < 0 ? -1 : link[at].sibling;
}

static int put_in_order(struct build *b, struct frozen_tree *tree, struct err *err)
{
	auto_free struct link *link = calloc(b->n_tasks + 1, sizeof(*link));
	struct frozen_task *ordered = calloc(b->n_tasks + 1, sizeof(*ordered));
	size_t placed = 0;
	int at = -1;

	if (!link || !ordered) {
		free(ordered);
		return err_os(err, ENOMEM, "tree of %zu tasks", b->n_tasks);
	}
	link_tasks(b, link, &at);
	for (; at >= 0; at = next_in_preorder(b, link, at)) {
		struct frozen_task *task = &ordered[placed];

		*task = b->tasks[at];
		link[at].place = (int)placed++;
		if (task->parent >= 0)
			task->parent = link[task->parent].place;
	}
	if (placed != b->n_tasks) { /* a ring: no listing of ours can have that */
		free(ordered);
		return TREE_CHANGED;
	}
	tree->tasks = ordered;
	tree->n_tasks = placed;
	tree->threads = b->threads;
	tree->n_threads = b->n_threads;
	b->threads = NULL;
	return 0;
}

int tree_build(struct freezing *f, struct frozen_tree *tree, struct err *err)
{
	struct build b = { .f = f };
	int ret = FAULT_STEP(FREEZE_TREE, err, collect(&b, err));

	if (!ret)
		ret = read_tasks(&b, err);
	if (!ret)
		ret = find_parents(&b);
	if (!ret)
		ret = put_in_order(&b, tree, err);
	free(b.held);
	free(b.tasks);
	free(b.threads);
	return ret;
}
