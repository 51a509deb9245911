// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes that live in small files of /proc/PID: oom_score_adj, loginuid,
 * coredump_filter. They are written from outside, and only where they differ
 * from what the new task has: lowering oom_score_adj needs CAP_SYS_RESOURCE,
 * and loginuid can be set once only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/log.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/known.h"
#include "task/task.h"

static int read_number(int proc, const char *name, struct proc_buf *buf, int base,
	long long *value, struct err *err)
{
	int ret = proc_read(proc, name, buf, err);

	if (!ret)
		*value = strtoll(buf->data, NULL, base);
	return ret;
}

static int read_files(
	const struct dump_task *task, struct known_files *files, struct err *err)
{
	struct err absent;
	long long value;
	int ret = read_number(task->proc, "oom_score_adj", task->buf, 10, &value, err);

	if (ret)
		return ret;
	files->oom_score_adj = value;
	files->has_loginuid =
		!read_number(task->proc, "loginuid", task->buf, 10, &value, &absent);
	files->loginuid = value;
	ret = read_number(task->proc, "coredump_filter", task->buf, 16, &value, err);
	files->coredump_filter = value;
	return ret;
}

static int procattr_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	TaskCoreEntry *tc = t->core->tc;
	struct known_files files;

	if (!known_small_files(t, &files)) {
		int ret = read_files(t->task, &files, err);

		if (ret)
			return ret;
	}
	tc->has_oom_score_adj = true;
	tc->oom_score_adj = files.oom_score_adj;
	tc->has_loginuid = files.has_loginuid;
	tc->loginuid = files.loginuid;
	tc->crl = arena_msg(t->task->arena, CrlTask, crl_task);
	tc->crl->has_coredump_filter = true;
	tc->crl->coredump_filter = files.coredump_filter;
	return 0;
}

static int write_number(int proc, const char *name, struct proc_buf *buf, int base,
	long long want, struct err *err)
{
	char text[32];
	long long now;
	auto_fd int fd = -1;
	int len, ret = read_number(proc, name, buf, base, &now, err);

	if (ret)
		return ret;
	if (now == want)
		return 0;
	len = snprintf(text, sizeof(text), base == 16 ? "0x%llx" : "%lld", want);
	fd = openat(proc, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, len) != len)
		return err_os(err, errno, "write %s to %s", text, name);
	return 0;
}

static int procattr_restore(struct restore_thread *t, struct err *err)
{
	const TaskCoreEntry *tc = t->core->tc;
	PROC_BUF_AUTO buf = { 0 };
	char path[32];
	auto_fd int proc = -1;
	int ret = 0;

	snprintf(path, sizeof(path), "/proc/%d", t->pid);
	proc = open(path, O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return err_os(err, errno, "open %s", path);
	if (tc->has_oom_score_adj)
		ret = write_number(
			proc, "oom_score_adj", &buf, 10, tc->oom_score_adj, err);
	if (ret == -EACCES)
		err_in(err, 0, "lowering it needs CAP_SYS_RESOURCE");
	if (!ret && tc->crl && tc->crl->has_coredump_filter)
		ret = write_number(
			proc, "coredump_filter", &buf, 16, tc->crl->coredump_filter, err);
	if (!ret && tc->has_loginuid &&
		write_number(proc, "loginuid", &buf, 10, tc->loginuid, err))
		log_warn(t->log, "pid %d: %s", t->pid, err->text);
	return ret;
}

const struct task_ops procattr_ops = {
	.name = "process attributes",
	.scope = TASK_WHOLE,
	.take = procattr_take,
	.restore = procattr_restore,
};
