// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second half of the dump of a task: what any thread of crl can read from
 * outside while the task stands.
 *
 *   mappings    and the files behind them
 *   pages       contents of memory
 *   mm, fdinfo, fs, ids
 *
 * Several tasks are written at the same time, each by one thread; what they
 * share (files, shared memory, checksums, obstacles) guards itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/freeze.h"
#include "fd/files.h"
#include "image/sums.h"
#include "mem/mem.h"
#include "mem/pages.h"
#include "proto/fs.pb-c.h"
#include "snapshot/obstacles.h"
#include "task/dump-task.h"
#include "task/live.h"

enum { STATE_DEAD = 2 };

void task_writer_init(struct task_writer *w)
{
	arena_init(&w->arena);
}

void task_writer_deinit(struct task_writer *w)
{
	arena_deinit(&w->arena);
	image_writer_deinit(&w->out);
	proc_buf_deinit(&w->buf);
}

static int write_one(struct task_writer *w, enum image_kind kind, uint64_t number,
	const ProtobufCMessage *msg, struct err *err)
{
	int ret = image_writer_start(&w->out, kind, number, err);

	if (!ret)
		ret = image_writer_record(&w->out, msg, err);
	return ret ? ret : sums_finish_image(w->sums, &w->out, w->dir, err);
}

static int write_fs(
	struct task_writer *w, struct dump_task *t, uint32_t umask, struct err *err)
{
	FsEntry fs = FS_ENTRY__INIT;
	int ret = files_link(w->files, t, "cwd", &fs.cwd_id, err);

	if (!ret)
		ret = files_link(w->files, t, "root", &fs.root_id, err);
	fs.has_umask = true;
	fs.umask = umask;
	return ret ? ret : write_one(w, IMAGE_FS, t->pid, &fs.base, err);
}

int live_write(struct task_writer *w, const struct live_task *l, struct err *err)
{
	struct dump_task t = l->t;
	struct mem_dump mem = { 0 };
	int ret;

	arena_reset(&w->arena);
	t.buf = &w->buf;
	t.arena = &w->arena;
	ret = vma_collect(&t, w->files, w->shmem, &mem, err);
	if (!ret && w->pages && !obstacles_any(w->obstacles))
		ret = page_writer_task(w->pages, &t, &mem, &w->out, err);
	if (!ret)
		ret = mm_collect(&t, w->files, &mem, err);
	if (!ret)
		ret = write_one(w, IMAGE_MM, t.pid, &mem.mm->base, err);
	if (!ret)
		ret = files_table(w->files, &t, l->fds.v, l->cloexec, l->fds.n,
			l->ids.files_id, &w->out, err);
	if (!ret)
		ret = write_fs(w, &t, l->umask, err);
	return ret ? ret : write_one(w, IMAGE_IDS, t.pid, &l->ids.base, err);
}

static int zombie_core(struct task_writer *w, int proc, CoreEntry *core, struct err *err)
{
	struct proc_status status = { 0 };
	struct proc_stat stat;
	int ret = stat_read(proc, &w->buf, &stat, err);

	if (!ret)
		ret = status_read(proc, &w->buf, &status, err);
	core->tc->crl->uid = status.uid[0];
	core->tc->crl->gid = status.gid[0];
	core->tc->exit_code = stat.exit_code;
	core->tc->comm = arena_text(&w->arena, stat.comm);
	status_deinit(&status);
	return ret;
}

int zombie_write(struct task_writer *w, const struct frozen_task *ft, struct err *err)
{
	CoreEntry core = CORE_ENTRY__INIT;
	TaskCoreEntry tc = TASK_CORE_ENTRY__INIT;
	CrlTask own = CRL_TASK__INIT;
	char path[32];
	auto_fd int proc = -1;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d", ft->pid);
	proc = open(path, O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return err_os(err, errno, "open %s", path);
	own.has_uid = own.has_gid = true;
	tc.crl = &own;
	core.mtype = CORE_ENTRY__MARCH__X86_64;
	core.tc = &tc;
	tc.task_state = STATE_DEAD;
	arena_reset(&w->arena);
	ret = zombie_core(w, proc, &core, err);
	return ret ? ret : write_one(w, IMAGE_CORE, ft->pid, &core.base, err);
}
