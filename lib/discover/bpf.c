// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Discovery by a BPF iterator over tasks (Linux 5.8): one file tells of every
 * thread of our pid namespace; who is in the tree follows from the parents. That
 * costs some milliseconds, whatever the size of the tree, and a fraction of a
 * microsecond for each thread of the machine; the files of procfs cost some five
 * microseconds for each thread of the tree.
 *
 * A pass is no picture of one moment: tasks are visited by ascending pid, and
 * one that moves to another parent meanwhile may be told below the old one or
 * the new one, or, when the new one was visited before it existed, not at all.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "crl/auto.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "crl/proc/btf.h"
#include "crl/proc/file.h"
#include "crl/proc/task-iter.h"

/* Values of enum pid_type. */
enum { TGID = 1, PGID = 2, SID = 3 };

/* Bits of the state of a task, and of its exit_state. */
enum {
	STATE_INTERRUPTIBLE = 0x1,
	STATE_UNINTERRUPTIBLE = 0x2,
	STATE_STOPPED = 0x4,
	STATE_TRACED = 0x8,
	EXIT_DEAD = 0x10,
	EXIT_ZOMBIE = 0x20,
	STATE_NOLOAD = 0x400,
};

struct record {
	uint32_t tid, tgid, ppid, pgid, sid, tracer, ptrace, exit_state;
	uint64_t state;
	char comm[16];
};

#define FIELD(from, in, name, member, ...)                                               \
	{                                                                                \
		.base = from, .type = in, .path = name,                                  \
		.at = offsetof(struct record, member),                                   \
		.size = sizeof(((struct record *)0)->member), __VA_ARGS__                \
	}

static const struct iter_field fields[] = {
	FIELD(ITER_TASK, "task_struct", "ptrace", ptrace),
	FIELD(ITER_TASK, "task_struct", "exit_state", exit_state),
	FIELD(ITER_TASK, "task_struct", "__state", state, .later = "state"),
	FIELD(ITER_TASK, "task_struct", "comm", comm),
	FIELD(ITER_TRACER, "task_struct", "thread_pid", tracer, .pid = true),
	FIELD(ITER_SIGNAL, "signal_struct", "pids", tgid, .pid = true, .index = TGID),
	FIELD(ITER_SIGNAL, "signal_struct", "pids", pgid, .pid = true, .index = PGID),
	FIELD(ITER_SIGNAL, "signal_struct", "pids", sid, .pid = true, .index = SID),
	FIELD(ITER_PARENT_SIGNAL, "signal_struct", "pids", ppid, .pid = true,
		.index = TGID),
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

static const struct iter_shape shape = {
	.size = sizeof(struct record),
	.leader_part = sizeof(struct record),
	.tid = offsetof(struct record, tid),
	.leader = ITER_NOWHERE,
	.monotonic = ITER_NOWHERE,
	.boottime = ITER_NOWHERE,
};

/* A process, as it is linked to others. */
struct process {
	pid_t pid, ppid;
	size_t first, n;	      /* its records, sorted by process */
	struct process *child, *next; /* first child, next sibling; in ascending order */
	bool told;
};

struct tree {
	struct record *record; /* sorted by process, the leader first */
	size_t n;
	struct process *process; /* ascending */
	size_t processes;
};

int discover_bpf_open(struct err *err)
{
	struct iter_place places[FIELDS];
	struct btf *btf;
	int link, ret = btf_open_kernel(&btf, err);

	if (ret)
		return ret;
	link = task_iter_open(btf, &shape, fields, places, FIELDS, err);
	btf_free(btf);
	return link;
}

static int by_process(const void *left, const void *right)
{
	const struct record *a = left, *b = right;

	if (a->tgid != b->tgid)
		return a->tgid < b->tgid ? -1 : 1;
	if ((a->tid == a->tgid) != (b->tid == b->tgid))
		return a->tid == a->tgid ? -1 : 1;
	return (a->tid > b->tid) - (a->tid < b->tid);
}

static int find_pid(const void *key, const void *member)
{
	pid_t pid = *(const pid_t *)key, other = ((const struct process *)member)->pid;

	return (pid > other) - (pid < other);
}

static struct process *process_of(const struct tree *t, pid_t pid)
{
	return bsearch(&pid, t->process, t->processes, sizeof(*t->process), find_pid);
}

static int link_tree(struct tree *t, struct err *err)
{
	t->process = calloc(t->n + 1, sizeof(*t->process));
	if (!t->process)
		return err_os(err, ENOMEM, "list of processes");
	qsort(t->record, t->n, sizeof(*t->record), by_process);
	for (size_t i = 0; i < t->n; i++) {
		const struct record *r = &t->record[i];
		struct process *last =
			t->processes ? &t->process[t->processes - 1] : NULL;

		if (!last || last->pid != (pid_t)r->tgid)
			t->process[t->processes++] = (struct process){
				.pid = r->tgid, .ppid = r->ppid, .first = i, .n = 1
			};
		else
			last->n++;
	}
	for (size_t i = t->processes; i-- > 0;) {
		struct process *p = &t->process[i], *parent = process_of(t, p->ppid);

		if (parent && parent != p) {
			p->next = parent->child;
			parent->child = p;
		}
	}
	return 0;
}

static char state_letter(const struct record *r)
{
	if (r->exit_state & EXIT_ZOMBIE)
		return 'Z';
	if (r->exit_state & EXIT_DEAD)
		return 'X';
	if (r->state & STATE_TRACED)
		return 't';
	if (r->state & STATE_STOPPED)
		return 'T';
	if (r->state & STATE_UNINTERRUPTIBLE)
		return r->state & STATE_NOLOAD ? 'I' : 'D';
	return r->state & STATE_INTERRUPTIBLE ? 'S' : 'R';
}

static int tell(const struct tree *t, struct process *p, discover_fn *fn, void *arg,
	struct err *err)
{
	int ret = 0;

	p->told = true;
	for (size_t i = p->first; i < p->first + p->n && !ret; i++) {
		const struct record *r = &t->record[i];
		struct discover_task task = {
			.pid = r->tid,
			.tgid = r->tgid,
			.ppid = r->ppid,
			.pgid = r->pgid,
			.sid = r->sid,
			.tracer = r->ptrace ? r->tracer : 0,
			.state = state_letter(r),
		};

		if (task.state == 'X' || (r->exit_state && r->tid != r->tgid))
			continue; /* a thread that is gone, or about to be */
		memcpy(task.comm, r->comm, sizeof(task.comm) - 1);
		ret = fn(arg, &task, err);
	}
	return ret;
}

/* The children of p after those of all before it. */
static int tell_below(const struct tree *t, struct process *root, discover_fn *fn,
	void *arg, struct err *err)
{
	auto_free struct process **todo = calloc(t->processes + 1, sizeof(*todo));
	size_t first = 0, n = 0;
	int ret;

	if (!todo)
		return err_os(err, ENOMEM, "list of processes");
	ret = tell(t, root, fn, arg, err);
	todo[n++] = root;
	while (first < n && !ret) {
		struct process *p = todo[first++]->child;

		for (; p && !ret; p = p->next) {
			if (p->told)
				continue;
			ret = tell(t, p, fn, arg, err);
			todo[n++] = p;
		}
	}
	return ret;
}

int discover_bpf_list(int link, pid_t root, discover_fn *fn, void *arg, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	struct tree t = { 0 };
	struct process *p;
	int ret = task_iter_read(link, &buf, err);

	if (ret)
		return ret;
	t.record = (struct record *)buf.data;
	t.n = buf.len / sizeof(*t.record);
	ret = link_tree(&t, err);
	if (!ret) {
		p = process_of(&t, root);
		ret = p ? tell_below(&t, p, fn, arg, err)
			: err_set(err, ESRCH, "no process has pid %d", root);
	}
	free(t.process);
	return ret;
}

static int bpf_list(
	pid_t root, enum discover_want want, discover_fn *fn, void *arg, struct err *err)
{
	auto_fd int link = discover_bpf_open(err);

	return link < 0 ? link : discover_bpf_list(link, root, fn, arg, err);
}

static int bpf_probe(struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	auto_fd int link = discover_bpf_open(err);

	return link < 0 ? link : task_iter_read(link, &buf, err);
}

const struct discover_backend discover_bpf = {
	.name = "bpf",
	.probe = bpf_probe,
	.list = bpf_list,
};
