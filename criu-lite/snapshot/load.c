// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading a dump. Images are hostile input: before anything else uses them,
 * sizes and counts are bounded, numbers that refer to something are looked up,
 * pids are unique, parents come before their children.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "crl/log.h"
#include "fd/restore-files.h"
#include "image/inventory.h"
#include "image/sums.h"
#include "image/verify.h"
#include "proto/fdinfo.pb-c.h"
#include "proto/fs.pb-c.h"
#include "proto/pstree.pb-c.h"
#include "snapshot/internal.h"
#include "task/task.h"

#define TASKS_MAX  (1u << 20)
#define CORES_KEPT 1024 /* of threads, 5 KiB each; unpacking them again takes time */
#define FD_MAX	   (1 << 30)

int snapshot_open(struct snapshot *s, struct image_reader *rd, enum image_kind kind,
	uint64_t number, struct err *err)
{
	int ret = image_reader_load(
		rd, s->dir, kind, number, s->inventory->img_version, err);
	const struct sums_entry *e;

	if (ret || !s->sums)
		return ret;
	e = sums_find(s->sums, rd->name);
	if (!e)
		return err_set(err, EBADMSG, "%s: not in the checksum list of the dump",
			rd->name);
	return sums_check(e, rd->data, rd->size, err);
}

static int missing(enum image_kind kind, uint64_t number, struct err *err)
{
	char name[IMAGE_NAME_SIZE];

	image_name(name, kind, number);
	return err_set(err, ENOENT, "%s is missing; the dump is incomplete", name);
}

int snapshot_record(struct snapshot *s, enum image_kind kind, uint64_t number,
	const ProtobufCMessageDescriptor *type, struct arena *a, ProtobufCMessage **msg,
	struct blob *blob, struct err *err)
{
	struct image_reader rd = { 0 };
	size_t start;
	int ret = snapshot_open(s, &rd, kind, number, err);

	if (ret == IMAGE_NOT_THERE)
		ret = missing(kind, number, err);
	if (ret)
		goto out;
	start = rd.pos + sizeof(uint32_t);
	ret = image_reader_next(&rd, type, &a->pb, msg, err);
	if (ret == IMAGE_END)
		ret = err_set(err, EINVAL, "%s: empty", rd.name);
	if (ret == IMAGE_RECORD && blob) {
		blob->size = rd.pos - start;
		blob->data = arena_copy(&s->arena, rd.data + start, blob->size);
	}
out:
	image_reader_deinit(&rd);
	return ret < 0 ? ret : 0;
}

static int load_inventory(struct snapshot *s, struct err *err)
{
	int ret = inventory_read(s->dir, &s->arena.pb, &s->inventory, err);
	const InventoryEntry *inv = s->inventory;

	if (ret == -ENOENT)
		return err_set(err, ENOENT,
			"no complete dump is in the image directory (no inventory.img); "
			"pass the "
			"directory of one with -D");
	if (ret)
		return ret;
	if (inv->img_version != 1 && inv->img_version != IMAGE_VERSION)
		return err_set(err, EINVAL,
			"inventory.img: image version %u is not known; "
			"use the program that made the dump",
			inv->img_version);
	if (!inv->fdinfo_per_id || !inv->root_ids)
		return err_set(
			err, EINVAL, "inventory.img: the dump is too old, or damaged");
	if (inv->crl)
		ret = sums_load(s->dir, inv->crl->sums_hash, &s->sums, err);
	if (!ret && s->sums)
		ret = verify_names(s->sums, s->dir, err);
	return ret;
}

int snapshot_find(const struct snapshot *s, pid_t pid)
{
	return pid > 0 && pid < PID_MAX ? (int)s->by_pid[pid] - 1 : -1;
}

static bool pid_valid(uint32_t pid)
{
	return pid > 0 && pid < PID_MAX;
}

static int add_task(
	struct snapshot *s, const PstreeEntry *e, size_t *cap, struct err *err)
{
	struct snap_task t = {
		.pid = e->pid, .pgid = e->pgid, .sid = e->sid, .parent = -1
	};

	if (!pid_valid(e->pid) || e->pgid >= PID_MAX || e->sid >= PID_MAX ||
		!e->n_threads || s->tasks == TASKS_MAX)
		return err_set(err, EINVAL,
			"pstree.img: pid %u: a number is out of range", e->pid);
	if (s->tasks) {
		t.parent = snapshot_find(s, e->ppid);
		if (t.parent < 0)
			return err_set(err, EINVAL,
				"pstree.img: pid %u comes before its parent %u", e->pid,
				e->ppid);
	}
	t.n_threads = e->n_threads;
	t.threads = arena_alloc(&s->arena, e->n_threads * sizeof(*t.threads));
	for (size_t i = 0; i < e->n_threads; i++) {
		if (i && !pid_valid(e->threads[i]))
			return err_set(err, EINVAL, "pstree.img: pid %u: thread %u",
				e->pid, e->threads[i]);
		t.threads[i].tid = i ? e->threads[i] : e->pid;
	}
	s->threads += t.n_threads;
	arena_push(&s->arena, s->task, s->tasks, *cap, t);
	s->by_pid[t.pid] = s->tasks;
	return 0;
}

static int pid_cmp(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static int unique_pids(const struct snapshot *s, struct err *err)
{
	pid_t *all = calloc(s->threads, sizeof(*all));
	size_t n = 0;
	int ret = 0;

	if (!all)
		return err_os(err, ENOMEM, "pstree.img");
	for (size_t i = 0; i < s->tasks; i++)
		for (unsigned k = 0; k < s->task[i].n_threads; k++)
			all[n++] = s->task[i].threads[k].tid;
	qsort(all, n, sizeof(*all), pid_cmp);
	for (size_t i = 1; i < n && !ret; i++)
		if (all[i] == all[i - 1])
			ret = err_set(err, EINVAL, "pstree.img: pid %d twice", all[i]);
	free(all);
	return ret;
}

static int load_pstree(struct snapshot *s, struct err *err)
{
	struct image_reader rd = { 0 };
	ProtobufCMessage *msg;
	size_t cap = 0;
	int ret = snapshot_open(s, &rd, IMAGE_PSTREE, 0, err);

	if (ret == IMAGE_NOT_THERE)
		ret = missing(IMAGE_PSTREE, 0, err);
	/* Sparse: only pages that are used are there. */
	s->by_pid = calloc(PID_MAX, sizeof(*s->by_pid));
	if (!ret && !s->by_pid)
		ret = err_os(err, ENOMEM, "pstree.img");
	while (!ret && (ret = image_reader_next(&rd, &pstree_entry__descriptor,
				&s->arena.pb, &msg, err)) > 0)
		ret = add_task(s, (const PstreeEntry *)msg, &cap, err);
	image_reader_deinit(&rd);
	if (!ret && !s->tasks)
		ret = err_set(err, EINVAL, "pstree.img: empty");
	return ret ? ret : unique_pids(s, err);
}

/* In a shell job what was led from outside is led by whoever restores: 0. */
static int adopt_sessions(struct snapshot *s, bool shell_job, struct err *err)
{
	const pid_t sid = s->task[0].sid, pgid = s->task[0].pgid;

	if (sid == s->task[0].pid)
		return 0;
	if (!shell_job)
		return err_set(err, EINVAL,
			"pid %d was in a session led by a task outside of the tree (a "
			"shell job); pass "
			"--shell-job to restore it into the present session",
			s->task[0].pid);
	for (size_t i = 0; i < s->tasks; i++) {
		if (s->task[i].sid == sid)
			s->task[i].sid = 0;
		if (s->task[i].pgid == pgid && snapshot_find(s, pgid) < 0)
			s->task[i].pgid = 0;
	}
	return 0;
}

static int load_core(struct snapshot *s, struct snap_task *t, unsigned i, struct err *err)
{
	bool leader = i == 0, keep = !leader && s->cores_kept < CORES_KEPT;
	ProtobufCMessage *msg;
	const CoreEntry *core;
	int ret = snapshot_record(s, IMAGE_CORE, t->threads[i].tid,
		&core_entry__descriptor, keep ? &s->arena : &s->scratch, &msg,
		keep ? NULL : &t->threads[i].core, err);

	if (ret)
		return ret;
	core = (const CoreEntry *)msg;
	if (keep) {
		t->threads[i].unpacked = (CoreEntry *)msg;
		s->cores_kept++;
	}
	if (leader != !!core->tc)
		return err_set(err, EINVAL, "core-%d.img: not of a %s", t->threads[i].tid,
			leader ? "task" : "thread");
	if (leader) {
		t->state = core->tc->task_state;
		t->exit_code = core->tc->exit_code;
		t->stop_signal = core->tc->has_stop_signo ? (int)core->tc->stop_signo : 0;
		snprintf(t->comm, sizeof(t->comm), "%s", core->tc->comm);
		if (t->state == SNAP_DEAD)
			return 0;
		if (t->state != SNAP_ALIVE && t->state != SNAP_STOPPED)
			return err_set(
				err, EINVAL, "core-%d.img: state %d", t->pid, t->state);
	}
	if (!core->thread_info || !core->thread_core)
		return err_set(err, EINVAL, "core-%d.img: incomplete", t->threads[i].tid);
	ret = task_verify(core, leader, err);
	return ret ? err_in(err, ret, "core-%d.img", t->threads[i].tid) : 0;
}

static int load_fs(struct snapshot *s, struct snap_task *t, struct err *err)
{
	ProtobufCMessage *msg;
	const FsEntry *fs;
	int ret = snapshot_record(
		s, IMAGE_FS, t->pid, &fs_entry__descriptor, &s->scratch, &msg, NULL, err);

	if (ret)
		return ret;
	fs = (const FsEntry *)msg;
	t->cwd_id = fs->cwd_id;
	t->root_id = fs->root_id;
	t->umask = fs->has_umask ? fs->umask & 0777 : 022;
	ret = restore_files_claim(s->files, t->cwd_id, false, err);
	return ret ? ret : restore_files_claim(s->files, t->root_id, false, err);
}

static int fd_cmp(const void *a, const void *b)
{
	return ((const struct snap_fd *)a)->fd - ((const struct snap_fd *)b)->fd;
}

static int add_fd(struct snapshot *s, struct snap_task *t, const FdinfoEntry *e,
	size_t *cap, struct err *err)
{
	const FileEntry *file = restore_files_entry(s->files, e->id);
	struct snap_fd fd = { .fd = e->fd, .id = e->id, .cloexec = e->flags & 1 };

	if (e->fd >= FD_MAX)
		return err_set(err, EINVAL, "fdinfo: fd %u", e->fd);
	if (!file || file->type != e->type)
		return err_set(err, EINVAL, "fdinfo: fd %u: file %u is not in files.img",
			e->fd, e->id);
	arena_push(&s->arena, t->fds, t->n_fds, *cap, fd);
	if (fd.fd > s->max_fd)
		s->max_fd = fd.fd;
	return restore_files_claim(s->files, e->id, false, err);
}

static int load_fdinfo(
	struct snapshot *s, struct snap_task *t, uint32_t files_id, struct err *err)
{
	struct image_reader rd = { 0 };
	ProtobufCMessage *msg;
	size_t cap = 0;
	int ret = snapshot_open(s, &rd, IMAGE_FDINFO, files_id, err);

	while (!ret && (ret = image_reader_next(&rd, &fdinfo_entry__descriptor,
				&s->scratch.pb, &msg, err)) > 0)
		ret = add_fd(s, t, (const FdinfoEntry *)msg, &cap, err);
	image_reader_deinit(&rd);
	if (ret < 0)
		return ret;
	if (t->n_fds)
		qsort(t->fds, t->n_fds, sizeof(*t->fds), fd_cmp);
	for (size_t i = 1; i < t->n_fds; i++)
		if (t->fds[i].fd == t->fds[i - 1].fd)
			return err_set(err, EINVAL, "fdinfo-%u.img: fd %d twice",
				files_id, t->fds[i].fd);
	return 0;
}

static bool same_namespaces(const TaskKobjIdsEntry *a, const TaskKobjIdsEntry *b)
{
	return a->pid_ns_id == b->pid_ns_id && a->net_ns_id == b->net_ns_id &&
	       a->ipc_ns_id == b->ipc_ns_id && a->uts_ns_id == b->uts_ns_id &&
	       a->mnt_ns_id == b->mnt_ns_id && a->user_ns_id == b->user_ns_id &&
	       a->cgroup_ns_id == b->cgroup_ns_id && a->time_ns_id == b->time_ns_id;
}

static int load_ids(
	struct snapshot *s, struct snap_task *t, uint32_t *files_id, struct err *err)
{
	const TaskKobjIdsEntry *own = s->inventory->root_ids, *ids;
	ProtobufCMessage *msg;
	int ret = snapshot_record(s, IMAGE_IDS, t->pid, &task_kobj_ids_entry__descriptor,
		&s->scratch, &msg, NULL, err);

	if (ret)
		return ret;
	ids = (const TaskKobjIdsEntry *)msg;
	if (!same_namespaces(ids, own))
		return err_set(err, EOPNOTSUPP,
			"ids-%d.img: the task had namespaces of its own; they are not "
			"restored",
			t->pid);
	if (ids->files_id == own->files_id || ids->vm_id == own->vm_id)
		return err_set(
			err, EINVAL, "ids-%d.img: ids of the dumper itself", t->pid);
	*files_id = ids->files_id;
	return 0;
}

static int load_task(struct snapshot *s, struct snap_task *t, struct err *err)
{
	uint32_t files_id = 0;
	int ret = 0;

	for (unsigned i = 0; i < t->n_threads && !ret; i++) {
		ret = load_core(s, t, i, err);
		arena_reset(&s->scratch);
		if (!ret && t->state == SNAP_DEAD) {
			t->n_threads = 1;
			return 0;
		}
	}
	if (!ret)
		ret = load_ids(s, t, &files_id, err);
	if (!ret)
		ret = load_fs(s, t, err);
	if (!ret)
		ret = load_fdinfo(s, t, files_id, err);
	arena_reset(&s->scratch);
	if (!ret)
		ret = snapshot_load_memory(s, t, err);
	arena_reset(&s->scratch);
	return ret;
}

static int load_seccomp(struct snapshot *s, struct err *err)
{
	struct image_reader rd = { 0 };
	ProtobufCMessage *msg;
	int ret = snapshot_open(s, &rd, IMAGE_SECCOMP, 0, err);

	if (!ret)
		ret = image_reader_next(
			&rd, &seccomp_entry__descriptor, &s->arena.pb, &msg, err);
	if (ret == IMAGE_RECORD && rd.data)
		s->seccomp = (SeccompEntry *)msg;
	image_reader_deinit(&rd);
	return ret < 0 ? ret : 0;
}

/* A restore does not use the clocks of the dump, but their image is a part of it. */
static int judge_clocks(struct snapshot *s, struct err *err)
{
	struct image_reader rd = { 0 };
	int ret = snapshot_open(s, &rd, IMAGE_TIMENS, 0, err);

	image_reader_deinit(&rd);
	return ret < 0 ? ret : 0;
}

int snapshot_load(struct snapshot *s, int dir, struct restore_files *files,
	const struct snapshot_options *opt, const struct log *log, struct err *err)
{
	int ret;

	*s = (struct snapshot){ .dir = dir, .files = files, .log = log };
	arena_init(&s->arena);
	arena_init(&s->scratch);
	ret = load_inventory(s, err);
	if (ret)
		return ret;
	if (!s->sums)
		log_warn(log, "the dump has no checksums (not made by crl): damage "
			      "cannot be seen");
	ret = restore_files_load(
		files, dir, s->inventory->img_version, s->sums, files->opt, log, err);
	if (!ret)
		ret = load_pstree(s, err);
	if (!ret)
		ret = adopt_sessions(s, opt->shell_job, err);
	if (!ret)
		ret = load_seccomp(s, err);
	if (!ret)
		ret = judge_clocks(s, err);
	for (size_t i = 0; i < s->tasks && !ret; i++) {
		s->files->claimer = s->task[i].pid;
		ret = load_task(s, &s->task[i], err);
		if (ret)
			err_in(err, ret, "pid %d", s->task[i].pid);
	}
	if (!ret)
		ret = snapshot_load_shmem(s, err);
	if (!ret)
		ret = snapshot_load_locks(s, err);
	if (!ret)
		ret = restore_files_verify(files, err);
	if (!ret)
		ret = snapshot_load_memfds(s, err);
	if (!ret && s->sums && opt->verify_threads)
		ret = verify_files(s->sums, dir, VERIFY_PAGES, opt->verify_threads, err);
	return ret;
}

void snapshot_deinit(struct snapshot *s)
{
	free(s->by_pid);
	sums_free(s->sums);
	arena_deinit(&s->arena);
	arena_deinit(&s->scratch);
}

CoreEntry *snapshot_core(const struct snap_thread *t, struct arena *a)
{
	return t->unpacked ? t->unpacked
			   : core_entry__unpack(&a->pb, t->core.size, t->core.data);
}

MmEntry *snapshot_mm(const struct snap_task *t, struct arena *a)
{
	return mm_entry__unpack(&a->pb, t->mm.size, t->mm.data);
}
