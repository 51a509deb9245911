// SPDX-License-Identifier: GPL-2.0-only
/*
 * One task of a frozen tree becomes images:
 *
 *   from outside   stat, mappings, namespaces, shared objects
 *   from inside    one visit for each thread: what only it can ask (task.h), and
 *                  by the leader brk and the close-on-exec flags
 *   core-TID       for each thread, as soon as it is complete
 *   pages, files   contents of memory, descriptor table, directories
 *   mm, ids, fs    the rest
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/freeze.h"
#include "crl/proc/children.h"
#include "fd/files.h"
#include "image/sums.h"
#include "mem/mem.h"
#include "mem/pages.h"
#include "proto/fs.pb-c.h"
#include "snapshot/obstacles.h"
#include "task/dump-task.h"
#include "task/ids.h"
#include "task/namespaces.h"
#include "task/restart-block.h"
#include "task/restart.h"
#include "task/rseq.h"
#include "task/task.h"

#define NOTES	      (VISIT_SCRATCH / sizeof(struct batch_op))
#define STUB_MARK     64  /* bytes by which the stub is recognised */
#define FLAGS_AT_ONCE 400 /* descriptors whose flags are asked in one batch */
#define ATTRIBUTES    64  /* at least task_table_size */

enum { STATE_ALIVE = 1, STATE_DEAD = 2, STATE_STOPPED = 3 };

/* A live task and what is being gathered of it. */
struct live {
	struct task_dumper *d;
	const struct frozen_task *ft;
	struct dump_task t;
	struct mem_dump mem;
	struct plant plant;
	struct proc_ids fds;
	bool *cloexec;
	TaskKobjIdsEntry ids;
};

int task_dumper_init(struct task_dumper *d, struct arena *lasting, struct err *err)
{
	auto_fd int self = open("/proc/self", O_DIRECTORY | O_CLOEXEC);

	arena_init(&d->core_arena);
	xstate_layout_read(&d->layout);
	arena_init(&d->mem_arena);
	seccomp_table_init(&d->seccomp, lasting);
	d->scratch = calloc(1, VISIT_SCRATCH);
	d->note = calloc(NOTES, sizeof(*d->note));
	if (!d->scratch || !d->note)
		return err_os(err, ENOMEM, "batch");
	if (self < 0)
		return err_os(err, errno, "open /proc/self");
	return namespaces_read(self, d->ns_own, err);
}

void task_dumper_deinit(struct task_dumper *d)
{
	arena_deinit(&d->core_arena);
	arena_deinit(&d->mem_arena);
	image_writer_deinit(&d->out);
	proc_buf_deinit(&d->buf);
	status_deinit(&d->status);
	restart_reader_close(d->waits.reader);
	free(d->scratch);
	free(d->note);
}

static int write_one(struct task_dumper *d, enum image_kind kind, uint64_t number,
	const ProtobufCMessage *msg, struct err *err)
{
	int ret = image_writer_start(&d->out, kind, number, err);

	if (!ret)
		ret = image_writer_record(&d->out, msg, err);
	return ret ? ret : sums_finish_image(d->sums, &d->out, d->dir, err);
}

#define BIT(sig) (1ull << ((sig)-1))
#define STOPS	 (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/*
 * A signal that does nothing to the task when nobody traces it: neither handled
 * nor pending, and ignored by default or on request. SIGCONT has effects even
 * so: it ends a group-stop and discards pending stop signals.
 */
static int quiet_signal(const struct proc_status *s, bool stopped)
{
	static const int candidates[] = { SIGURG, SIGWINCH, SIGCHLD };
	static const int often_ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
	uint64_t pending = s->sig_pending | s->shd_pending, busy = s->sig_caught | pending;

	for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++)
		if (!(busy & BIT(candidates[i])))
			return candidates[i];
	for (size_t i = 0; i < sizeof(often_ignored) / sizeof(often_ignored[0]); i++)
		if (s->sig_ignored & ~busy & BIT(often_ignored[i]))
			return often_ignored[i];
	if (!(busy & BIT(SIGCONT)) && !stopped && !(pending & STOPS))
		return SIGCONT;
	return SIGURG; /* its handler runs once more if crl dies in the middle */
}

static int thread_status(struct live *l, struct dump_thread *th, struct err *err)
{
	char path[PROC_PATH_SIZE];
	int ret;

	proc_path(path, "task/", th->tid, "/status");
	ret = proc_read(l->t.proc, path, &l->d->buf, err);
	th->status = l->d->status;
	if (!ret)
		ret = status_parse(l->d->buf.data, l->d->buf.len, &th->status, err);
	l->d->status = th->status;
	return ret;
}

static CoreEntry *core_new(struct arena *a, bool leader)
{
	CoreEntry *core = arena_msg(a, CoreEntry, core_entry);

	core->mtype = CORE_ENTRY__MARCH__X86_64;
	core->thread_info = arena_msg(a, ThreadInfoX86, thread_info_x86);
	core->thread_core = arena_msg(a, ThreadCoreEntry, thread_core_entry);
	core->thread_core->has_cg_set = true;
	core->thread_core->cg_set = 1;
	if (leader)
		core->tc = arena_msg(a, TaskCoreEntry, task_core_entry);
	return core;
}

static void core_state(const struct live *l, TaskCoreEntry *tc)
{
	tc->task_state = STATE_ALIVE;
	tc->flags = l->t.stat.flags;
	if (l->ft->state == FROZEN_STOPPED) {
		tc->task_state = STATE_STOPPED;
		tc->has_stop_signo = true;
		tc->stop_signo = l->ft->stop_signal;
	}
}

static void batch_fresh(struct live *l, const struct visit *v, struct batch *b)
{
	batch_init(b, l->d->scratch, VISIT_SCRATCH, v->scratch, l->d->note, NOTES);
}

static int ask_thread(struct live *l, struct dump_thread *th, struct visit *v, struct err *err)
{
	unsigned first[ATTRIBUTES];
	struct batch b;
	int ret;

	batch_fresh(l, v, &b);
	ret = task_ask(th, &b, first, err);
	if (!ret)
		ret = visit_run(v, &b, err);
	if (!ret)
		ret = batch_verify(&b, err);
	return ret ? ret : task_take(th, &b, first, err);
}

/* What only the leader is asked, for the whole address space. */
static int ask_mm(struct live *l, struct visit *v, struct err *err)
{
	struct batch b;
	int ret;

	batch_fresh(l, v, &b);
	batch_call1(&b, "brk", SYS_brk, 0);
	batch_call1(&b, "PR_GET_DUMPABLE", SYS_prctl, PR_GET_DUMPABLE);
	batch_call5(&b, "PR_GET_THP_DISABLE", SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0);
	batch_may_fail(&b);
	ret = visit_run(v, &b, err);
	if (!ret)
		ret = batch_verify(&b, err);
	if (ret)
		return ret;
	l->t.brk = batch_ret(&b, 0);
	l->t.dumpable = batch_ret(&b, 1);
	l->t.thp_disabled = batch_ret(&b, 2) > 0;
	return 0;
}

static int ask_cloexec(struct live *l, struct visit *v, struct err *err)
{
	for (size_t done = 0; done < l->fds.n;) {
		size_t n = l->fds.n - done < FLAGS_AT_ONCE ? l->fds.n - done : FLAGS_AT_ONCE;
		struct batch b;
		int ret;

		batch_fresh(l, v, &b);
		for (size_t i = 0; i < n; i++)
			batch_call2(&b, "F_GETFD", SYS_fcntl, l->fds.v[done + i], F_GETFD);
		ret = visit_run(v, &b, err);
		if (!ret)
			ret = batch_verify(&b, err);
		if (ret)
			return ret;
		for (size_t i = 0; i < n; i++)
			l->cloexec[done + i] = batch_ret(&b, i) & FD_CLOEXEC;
		done += n;
	}
	return 0;
}

static int visit_thread(struct live *l, struct dump_thread *th, struct err *err)
{
	struct err second;
	struct visit v;
	int ret = visit_begin(&v, &l->plant, l->t.pid, th->tid, quiet_signal(&th->status, l->ft->state == FROZEN_STOPPED),
		&th->regs, th->status.seccomp != 0, err), end;

	if (ret)
		return ret;
	ret = ask_thread(l, th, &v, err);
	if (!ret && th->leader)
		ret = ask_mm(l, &v, err);
	if (!ret && th->leader)
		ret = ask_cloexec(l, &v, err);
	end = visit_end(&v, ret ? &second : err);
	return ret ? ret : end;
}

/*
 * When crl is killed while it visits a thread of a stopped task, that thread
 * stops again before it has left the stub, and leaves it when it is continued.
 * Until then it cannot be dumped: the stub is not part of an image.
 */
static void refuse_left_behind(struct live *l, const struct dump_thread *th)
{
	uint8_t around[2048];
	size_t size = arch_stub_size();
	uint64_t from = arch_regs_ip(&th->regs) - size;
	struct iovec here = { around, 2 * size }, there = { (void *)from, 2 * size };
	ssize_t n;

	if (l->ft->state != FROZEN_STOPPED || 2 * size > sizeof(around))
		return;
	n = process_vm_readv(th->tid, &here, 1, &there, 1, 0);
	if (n > 0 && memmem(around, n, arch_stub_code(), STUB_MARK))
		obstacles_add(l->t.obstacles, l->t.pid, l->t.stat.comm,
			"continue it (SIGCONT), and dump again",
			"thread %d: was stopped in the middle of a dump that was killed", th->tid);
}

static int dump_thread(struct live *l, pid_t tid, struct err *err)
{
	struct dump_thread th = { .task = &l->t, .tid = tid, .leader = tid == l->t.pid };
	int ret = thread_status(l, &th, err);

	if (!ret)
		ret = arch_regs_get(tid, &th.regs, err);
	if (!ret)
		ret = rseq_leave(tid, &th.regs, err);
	if (ret)
		return ret;
	refuse_left_behind(l, &th);
	restart_repeat(&th.regs, &th.status);
	if (ptrace(PTRACE_GETSIGMASK, tid, sizeof(th.sigmask), &th.sigmask))
		return err_os(err, errno, "read the signal mask");
	arena_reset(&l->d->core_arena);
	l->t.arena = &l->d->core_arena;
	th.core = core_new(l->t.arena, th.leader);
	if (th.leader)
		core_state(l, th.core->tc);
	else
		ids_check_thread(&l->t, tid);
	ret = visit_thread(l, &th, err);
	if (!ret)
		ret = write_one(l->d, IMAGE_CORE, tid, &th.core->base, err);
	l->t.arena = &l->d->mem_arena;
	return ret;
}

static int dump_threads(struct live *l, struct err *err)
{
	int ret = plant_open(&l->plant, l->t.pid, l->mem.site, l->mem.sites, err);

	for (size_t i = 0; i < l->ft->n_threads && !ret; i++) {
		ret = dump_thread(l, l->ft->threads[i].tid, err);
		if (ret && l->ft->n_threads > 1)
			err_in(err, ret, "thread %d", l->ft->threads[i].tid);
	}
	plant_close(&l->plant);
	return ret;
}

static int dump_fs(struct live *l, struct err *err)
{
	FsEntry fs = FS_ENTRY__INIT;
	int ret = files_link(l->d->files, &l->t, "cwd", &fs.cwd_id, err);

	if (!ret)
		ret = files_link(l->d->files, &l->t, "root", &fs.root_id, err);
	fs.has_umask = true;
	fs.umask = l->d->status.umask;
	return ret ? ret : write_one(l->d, IMAGE_FS, l->t.pid, &fs.base, err);
}

static int dump_rest(struct live *l, struct err *err)
{
	struct task_dumper *d = l->d;
	int ret = 0;

	if (d->pages && !d->obstacles->count)
		ret = page_writer_task(d->pages, &l->t, &l->mem, err);
	if (!ret)
		ret = mm_collect(&l->t, d->files, &l->mem, err);
	if (!ret)
		ret = write_one(d, IMAGE_MM, l->t.pid, &l->mem.mm->base, err);
	if (!ret)
		ret = files_table(d->files, &l->t, l->fds.v, l->cloexec, l->fds.n, l->ids.files_id,
			&d->out, err);
	if (!ret)
		ret = dump_fs(l, err);
	return ret ? ret : write_one(d, IMAGE_IDS, l->t.pid, &l->ids.base, err);
}

static int live_collect(struct live *l, struct err *err)
{
	struct task_dumper *d = l->d;
	int ret = stat_read(l->t.proc, &d->buf, &l->t.stat, err);

	if (!ret)
		ret = namespaces_check(&l->t, d->ns_own, err);
	if (!ret)
		ret = proc_list_dir(l->t.proc, "fd", &d->buf, &l->fds, err);
	if (ret)
		return ret;
	task_kobj_ids_entry__init(&l->ids);
	ids_take(d->ids, &l->t, &l->ids);
	l->cloexec = arena_alloc(&d->mem_arena, l->fds.n * sizeof(*l->cloexec));
	return vma_collect(&l->t, d->files, d->shmem, &l->mem, err);
}

int dump_task_live(struct task_dumper *d, const struct frozen_task *ft, struct err *err)
{
	char path[32];
	auto_fd int proc = -1;
	struct live l = {
		.d = d,
		.ft = ft,
		.t = { .pid = ft->pid, .buf = &d->buf, .arena = &d->mem_arena,
			.obstacles = d->obstacles, .log = d->log, .seccomp = &d->seccomp,
			.waits = &d->waits, .layout = &d->layout },
		.plant = { .mem = -1 },
	};
	int ret;

	arena_reset(&d->mem_arena);
	snprintf(path, sizeof(path), "/proc/%d", ft->pid);
	l.t.proc = proc = open(path, O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return err_os(err, errno, "open %s", path);
	ret = live_collect(&l, err);
	if (!ret)
		ret = dump_threads(&l, err);
	if (!ret)
		ret = dump_rest(&l, err);
	proc_ids_deinit(&l.fds);
	return ret;
}

int dump_task_zombie(struct task_dumper *d, const struct frozen_task *ft, struct err *err)
{
	CoreEntry core = CORE_ENTRY__INIT;
	TaskCoreEntry tc = TASK_CORE_ENTRY__INIT;
	CrlTask own = CRL_TASK__INIT;
	struct proc_stat stat;
	char path[32];
	auto_fd int proc = -1;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d", ft->pid);
	proc = open(path, O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return err_os(err, errno, "open %s", path);
	ret = stat_read(proc, &d->buf, &stat, err);
	if (!ret)
		ret = status_read(proc, &d->buf, &d->status, err);
	if (ret)
		return ret;
	own.has_uid = own.has_gid = true;
	own.uid = d->status.uid[0];
	own.gid = d->status.gid[0];
	tc.crl = &own;
	core.mtype = CORE_ENTRY__MARCH__X86_64;
	core.tc = &tc;
	tc.task_state = STATE_DEAD;
	tc.exit_code = stat.exit_code;
	tc.comm = stat.comm;
	return write_one(d, IMAGE_CORE, ft->pid, &core.base, err);
}
