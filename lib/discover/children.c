// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Discovery by /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN).
 *
 * A child hangs on the thread that forked it, so the file of every thread is
 * read, not only that of the leader. When a thread exits, its children move to
 * another thread of its process, and when a process does, to the nearest
 * subreaper above it or to init: therefore the threads of a process are listed
 * before the first children file is read, and whoever wants an exact answer
 * stops everybody and asks again.
 *
 * The number of links of /proc/PID/task is that of the threads plus two: one
 * stat() tells that a process has a single thread, as most have, and saves the
 * listing of the directory. A zombie is in the list of its parent, has no
 * children of its own, and costs nothing special.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends.h"
#include "crl/auto.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "crl/proc/children.h"
#include "crl/proc/file.h"
#include "crl/proc/stat.h"
#include "crl/proc/status.h"

#define TASK_DIR_LINKS 2 /* of a task directory without the threads */

struct walk {
	int proc; /* /proc */
	enum discover_want want;
	discover_fn *fn;
	void *arg;
	struct proc_buf buf;
	struct proc_status status;
	struct proc_ids tids; /* threads of the process at hand */
	struct proc_ids todo; /* told, but not yet looked into; children are put on top */
};

static bool gone(int ret)
{
	return ret == -ENOENT || ret == -ESRCH;
}

/* "PID/task/TID/name" below /proc; name "" stands for the directory of the tasks. */
static void task_path(char path[PROC_PATH_SIZE], pid_t pid, pid_t tid, const char *name)
{
	if (*name)
		snprintf(path, PROC_PATH_SIZE, "%d/task/%d/%s", pid, tid, name);
	else
		snprintf(path, PROC_PATH_SIZE, "%d/task", pid);
}

static int read_all(struct walk *w, struct discover_task *task, struct err *err)
{
	char path[PROC_PATH_SIZE];
	struct proc_stat stat;
	int ret;

	task_path(path, task->tgid, task->pid, "stat");
	ret = proc_read(w->proc, path, &w->buf, err);
	if (!ret)
		ret = stat_parse(w->buf.data, w->buf.len, &stat, err);
	if (ret)
		return ret;
	task->ppid = stat.ppid;
	task->pgid = stat.pgrp;
	task->sid = stat.session;
	task->state = stat.state;
	snprintf(task->comm, sizeof(task->comm), "%.15s", stat.comm);
	task_path(path, task->tgid, task->pid, "status");
	ret = proc_read(w->proc, path, &w->buf, err);
	if (!ret)
		ret = status_parse(w->buf.data, w->buf.len, &w->status, err);
	if (!ret)
		task->tracer = w->status.tracer_pid;
	return ret;
}

static int tell(struct walk *w, pid_t pid, pid_t tgid, pid_t ppid, struct err *err)
{
	struct discover_task task = { .pid = pid, .tgid = tgid, .ppid = ppid };

	if (w->want == DISCOVER_ALL) {
		int ret = read_all(w, &task, err);

		if (gone(ret))
			return 0;
		if (ret)
			return ret;
	}
	return w->fn(w->arg, &task, err);
}

static int list_threads(struct walk *w, pid_t pid, struct err *err)
{
	char path[PROC_PATH_SIZE];
	struct stat st;
	int ret;

	w->tids.n = 0;
	task_path(path, pid, 0, "");
	if (fstatat(w->proc, path, &st, 0))
		return errno == ENOENT || errno == ESRCH
			       ? 0
			       : err_os(err, errno, "/proc/%s", path);
	if (st.st_nlink == TASK_DIR_LINKS + 1)
		return proc_ids_add(&w->tids, pid, err);
	ret = proc_list_dir(w->proc, path, &w->buf, &w->tids, err);
	if (gone(ret)) {
		w->tids.n = 0;
		ret = 0;
	}
	return ret;
}

static int add_children(struct walk *w, pid_t pid, pid_t tid, struct err *err)
{
	char path[PROC_PATH_SIZE];
	size_t known = w->todo.n;
	int ret;

	task_path(path, pid, tid, "children");
	ret = proc_read(w->proc, path, &w->buf, err);
	if (gone(ret))
		return 0;
	if (!ret)
		ret = children_parse(w->buf.data, w->buf.len, &w->todo, err);
	for (size_t i = known; !ret && i < w->todo.n; i++)
		ret = tell(w, w->todo.v[i], w->todo.v[i], pid, err);
	return ret;
}

/* The process itself has been told already. */
static int walk_process(struct walk *w, pid_t pid, struct err *err)
{
	int ret = list_threads(w, pid, err);

	for (size_t i = 0; !ret && i < w->tids.n; i++)
		if (w->tids.v[i] != pid)
			ret = tell(w, w->tids.v[i], pid, 0, err);
	for (size_t i = 0; !ret && i < w->tids.n; i++)
		ret = add_children(w, pid, w->tids.v[i], err);
	return ret;
}

static int walk_tree(struct walk *w, pid_t root, struct err *err)
{
	char path[PROC_PATH_SIZE];
	struct stat st;
	int ret;

	task_path(path, root, root, "children");
	if (fstatat(w->proc, path, &st, 0))
		return err_set(err, ESRCH, "no process has pid %d", root);
	ret = tell(w, root, root, 0, err);
	if (!ret)
		ret = proc_ids_add(&w->todo, root, err);
	while (!ret && w->todo.n)
		ret = walk_process(w, w->todo.v[--w->todo.n], err);
	return ret;
}

static int children_list(
	pid_t root, enum discover_want want, discover_fn *fn, void *arg, struct err *err)
{
	auto_fd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct walk w = { .proc = proc, .want = want, .fn = fn, .arg = arg };
	int ret;

	if (proc < 0)
		return err_os(err, errno, "/proc");
	ret = walk_tree(&w, root, err);
	proc_buf_deinit(&w.buf);
	status_deinit(&w.status);
	proc_ids_deinit(&w.tids);
	proc_ids_deinit(&w.todo);
	return ret;
}

static int children_probe(struct err *err)
{
	if (access("/proc/thread-self/children", R_OK))
		return err_os(err, errno,
			"/proc/PID/task/TID/children (kernel option "
			"CONFIG_PROC_CHILDREN)");
	return 0;
}

const struct discover_backend discover_children = {
	.name = "children",
	.probe = children_probe,
	.list = children_list,
};
