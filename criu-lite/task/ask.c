// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only the tracer of a task can find out, and only while it stands: the
 * first half of its dump.
 *
 *   from outside   stat, namespaces, shared objects, descriptors
 *   each thread    registers and what else ptrace tells; its attributes
 *                  (task.h), out of the kernel's record (known.h) or in a visit
 *   the leader     also brk and the like, and the close-on-exec flags
 *   core-TID       for each thread, as soon as it is complete
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
#include "crl/fault.h"
#include "crl/freeze.h"
#include "crl/proc/children.h"
#include "crl/proc/records.h"
#include "image/sums.h"
#include "snapshot/obstacles.h"
#include "task/ask.h"
#include "task/crew.h"
#include "task/live.h"
#include "task/restart.h"
#include "task/rseq.h"

#define NOTES	      (VISIT_SCRATCH / sizeof(struct batch_op))
#define NOWHERE	      0x10000ull /* address of a batch that may be answered without a visit */
#define STUB_MARK     64	 /* bytes by which the stub is recognised */
#define FLAGS_AT_ONCE 256	 /* descriptors whose flags are asked in one batch */
#define ATTRIBUTES    64	 /* at least task_table_size */

enum { STATE_ALIVE = 1, STATE_STOPPED = 3 };

/* A thread being asked. */
struct asking {
	struct asker *a;
	struct live_task *l;
	struct dump_thread th;
	struct visit v;
	bool visiting;
	unsigned first[ATTRIBUTES]; /* calls of the attributes, in the first batch */
	unsigned mm, flags;	    /* what the leader is asked behind them */
	size_t n_flags;
};

int asker_init(struct asker *a, struct arena *lasting, struct err *err)
{
	auto_fd int self = open("/proc/self", O_DIRECTORY | O_CLOEXEC);

	arena_init(&a->arena);
	xstate_layout_read(&a->layout);
	seccomp_table_init(&a->seccomp, lasting);
	a->scratch = calloc(1, VISIT_SCRATCH);
	a->note = calloc(NOTES, sizeof(*a->note));
	if (!a->scratch || !a->note)
		return err_os(err, ENOMEM, "batch");
	if (self < 0)
		return err_os(err, errno, "open /proc/self");
	if (cgroups_init(&a->cgroups, err))
		return -err->code;
	return namespaces_read(self, a->namespaces.own, err);
}

void asker_deinit(struct asker *a)
{
	arena_deinit(&a->arena);
	image_writer_deinit(&a->out);
	proc_buf_deinit(&a->buf);
	status_deinit(&a->status);
	known_deinit(&a->known);
	cgroups_deinit(&a->cgroups);
	free(a->scratch);
	free(a->note);
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
	static const int often_ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGUSR1,
		SIGUSR2 };
	uint64_t pending = s->sig_pending | s->shd_pending,
		 busy = s->sig_caught | pending;

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

/* The whole of it, from procfs. */
static int read_status(struct asking *k, struct err *err)
{
	char path[PROC_PATH_SIZE];
	struct proc_buf *buf = &k->a->buf;
	int ret;

	proc_path(path, "task/", k->th.tid, "/status");
	ret = proc_read(k->l->t.proc, path, buf, err);
	if (!ret)
		ret = status_parse(buf->data, buf->len, &k->th.status, err);
	k->a->status = k->th.status;
	return ret;
}

static int thread_status(struct asking *k, struct err *err)
{
	bool known;

	k->th.status = k->a->status;
	known = known_status(&k->th);
	k->a->status = k->th.status; /* its list of groups may have moved */
	return known ? 0 : read_status(k, err);
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

static void core_state(const struct live_task *l, TaskCoreEntry *tc)
{
	tc->task_state = STATE_ALIVE;
	tc->flags = l->t.stat.flags;
	if (l->ft->state == FROZEN_STOPPED) {
		tc->task_state = STATE_STOPPED;
		tc->has_stop_signo = true;
		tc->stop_signo = l->ft->stop_signal;
	}
}

static int begin_visit(struct asking *k, struct err *err)
{
	struct plant_site site[PLANT_SITES];
	bool stopped = k->l->ft->state == FROZEN_STOPPED;
	pid_t pid = k->l->t.pid;
	unsigned sites;
	int ret = 0;

	if (k->visiting)
		return 0;
	if (k->l->users > 1) /* see live_undisturbed() */
		return err_set(
			err, EBUSY, "its record does not tell all; pass --inspect visit");
	if (k->th.record) /* which does not tell what becomes of signals */
		ret = read_status(k, err);
	if (!ret && !k->l->plant.planted) {
		ret = plant_sites(k->l->t.proc, site, &sites, err);
		if (!ret)
			ret = plant_open(&k->l->plant, pid, site, sites, err);
	}
	if (!ret)
		ret = visit_begin(&k->v, &k->l->plant, pid, k->th.tid,
			quiet_signal(&k->th.status, stopped), &k->th.regs,
			k->th.status.seccomp != 0, err);
	k->visiting = !ret;
	return ret;
}

typedef int build_fn(struct asking *k, struct batch *b, size_t from, struct err *err);

/*
 * Have a batch answered: for the thread if all of it is known, else by it. It
 * is built anew for a visit, whose addresses are others.
 */
static int answer(
	struct asking *k, build_fn *build, size_t from, struct batch *b, struct err *err)
{
	int ret;

	if (k->th.record && !k->visiting) {
		batch_init(b, k->a->scratch, VISIT_SCRATCH, NOWHERE, k->a->note, NOTES);
		ret = build(k, b, from, err);
		if (ret || known_answers(&k->th, b))
			return ret;
	}
	ret = begin_visit(k, err);
	if (ret)
		return ret;
	batch_init(b, k->a->scratch, VISIT_SCRATCH, k->v.scratch, k->a->note, NOTES);
	ret = build(k, b, from, err);
	if (!ret)
		ret = visit_run(&k->v, b, err);
	return ret ? ret : batch_verify(b, err);
}

static int build_flags(struct asking *k, struct batch *b, size_t from, struct err *err)
{
	const struct proc_ids *fds = &k->l->fds;

	k->flags = b->count;
	k->n_flags = fds->n - from < FLAGS_AT_ONCE ? fds->n - from : FLAGS_AT_ONCE;
	for (size_t i = 0; i < k->n_flags; i++)
		batch_call2(b, "F_GETFD", SYS_fcntl, fds->v[from + i], F_GETFD);
	return 0;
}

static size_t take_flags(struct asking *k, const struct batch *b, size_t from)
{
	for (size_t i = 0; i < k->n_flags; i++)
		k->l->cloexec[from + i] = batch_ret(b, k->flags + i) & FD_CLOEXEC;
	return from + k->n_flags;
}

static int build_attributes(
	struct asking *k, struct batch *b, size_t from, struct err *err)
{
	int ret = task_ask(&k->th, b, k->first, err);

	if (ret || !k->th.leader)
		return ret;
	k->mm = b->count;
	batch_call1(b, "brk", SYS_brk, 0);
	batch_call1(b, "PR_GET_DUMPABLE", SYS_prctl, PR_GET_DUMPABLE);
	batch_call5(b, "PR_GET_THP_DISABLE", SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0);
	batch_may_fail(b);
	return build_flags(k, b, 0, err);
}

static void take_mm(struct asking *k, const struct batch *b)
{
	k->l->t.brk = batch_ret(b, k->mm);
	k->l->t.dumpable = batch_ret(b, k->mm + 1);
	k->l->t.thp_disabled = batch_ret(b, k->mm + 2) > 0;
	k->l->umask = k->th.status.umask;
}

static int ask_all(struct asking *k, struct err *err)
{
	struct batch b;
	size_t from = 0;
	int ret = answer(k, build_attributes, 0, &b, err);

	if (ret)
		return ret;
	if (k->th.leader) {
		take_mm(k, &b);
		from = take_flags(k, &b, 0);
	}
	ret = task_take(&k->th, &b, k->first, err);
	while (k->th.leader && from < k->l->fds.n && !ret) {
		ret = answer(k, build_flags, from, &b, err);
		if (!ret)
			from = take_flags(k, &b, from);
	}
	return ret;
}

/*
 * When crl is killed while it visits a thread of a stopped task, that thread
 * stops again before it has left the stub, and leaves it when it is continued.
 * Until then it cannot be dumped: the stub is not part of an image.
 */
static void refuse_left_behind(struct live_task *l, const struct dump_thread *th)
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
			"thread %d: was stopped in the middle of a dump that was killed",
			th->tid);
}

/* What is there before the thread is asked anything. */
static int thread_found(struct asking *k, struct err *err)
{
	struct dump_thread *th = &k->th;
	int ret = thread_status(k, err);

	if (!ret)
		ret = arch_regs_get(th->tid, &th->regs, err);
	if (!ret)
		ret = rseq_leave(th, err);
	if (ret)
		return ret;
	refuse_left_behind(k->l, th);
	restart_repeat(&th->regs, &th->status);
	if (FAULT(ASK_MASK) ||
		ptrace(PTRACE_GETSIGMASK, th->tid, sizeof(th->sigmask), &th->sigmask))
		return err_os(err, errno, "read the signal mask");
	return 0;
}

static int write_core(struct asking *k, struct err *err)
{
	struct asker *a = k->a;
	int ret = image_writer_start(&a->out, IMAGE_CORE, k->th.tid, err);

	if (!ret)
		ret = image_writer_record(&a->out, &k->th.core->base, err);
	return ret ? ret : FAULT_STEP(CORE, err, crew_write(a->crew, &a->out, err));
}

static int ask_thread(struct asker *a, struct live_task *l, pid_t tid, struct err *err)
{
	struct asking k = { .a = a,
		.l = l,
		.th = { .task = &l->t, .tid = tid, .leader = tid == l->t.pid } };
	struct err second;
	int ret, end;

	if (a->known.complete)
		k.th.record = task_records_find(a->known.records, tid);
	arena_reset(&a->arena);
	k.th.core = core_new(l->t.arena, k.th.leader);
	if (k.th.leader)
		core_state(l, k.th.core->tc);
	else
		ids_check_thread(&k.th);
	ret = thread_found(&k, err);
	if (!ret)
		ret = ask_all(&k, err);
	end = k.visiting ? visit_end(&k.v, ret ? &second : err) : 0;
	if (!ret)
		ret = end;
	if (!ret)
		ret = write_core(&k, err);
	return ret && l->ft->n_threads > 1 ? err_in(err, ret, "thread %d", tid) : ret;
}

static int look_from_outside(struct asker *a, struct live_task *l, struct err *err)
{
	int ret = stat_read(l->t.proc, &a->buf, &l->t.stat, err);

	if (!ret)
		ret = namespaces_check(&l->t, &a->namespaces, err);
	if (!ret)
		ret = cgroups_check(&a->cgroups, &l->t, err);
	if (!ret)
		ret = FAULT_STEP(ASK_FDS, err,
			proc_list_dir(l->t.proc, "fd", &a->buf, &l->fds, err));
	if (ret)
		return ret;
	task_kobj_ids_entry__init(&l->ids);
	ids_take(a->ids, &l->t, &l->ids);
	l->cloexec = calloc(l->fds.n + 1, sizeof(*l->cloexec));
	return l->cloexec ? 0 : err_os(err, ENOMEM, "descriptors");
}

int live_ask(struct asker *a, struct live_task *l, struct err *err)
{
	const struct frozen_task *ft = l->ft;
	char path[32];
	int ret;

	l->t = (struct dump_task){
		.pid = ft->pid,
		.proc = -1,
		.buf = &a->buf,
		.arena = &a->arena,
		.obstacles = a->obstacles,
		.log = a->log,
		.seccomp = &a->seccomp,
		.layout = &a->layout,
		.known = &a->known,
	};
	if (a->known.complete)
		l->t.record = task_records_find(a->known.records, ft->pid);
	snprintf(path, sizeof(path), "/proc/%d", ft->pid);
	l->t.proc = FAULT(ASK_OPEN) ? -1 : open(path, O_DIRECTORY | O_CLOEXEC);
	if (l->t.proc < 0)
		return err_os(err, errno, "open %s", path);
	ret = look_from_outside(a, l, err);
	return ret ? ret : ask_thread(a, l, ft->threads[0].tid, err);
}

bool live_undisturbed(const struct asker *a, const struct live_task *l)
{
	return a->known.complete && !l->plant.planted;
}

int live_ask_threads(struct asker *a, struct live_task *l, struct err *err)
{
	int ret = 0;

	for (size_t i = 1; i < l->ft->n_threads && !ret; i++)
		ret = ask_thread(a, l, l->ft->threads[i].tid, err);
	plant_close(&l->plant);
	return ret;
}

struct live_task *live_new(const struct frozen_task *ft)
{
	struct live_task *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->ft = ft;
	l->t.proc = l->plant.mem = -1;
	l->users = 1;
	return l;
}

void live_put(struct live_task *l)
{
	if (--l->users)
		return;
	plant_close(&l->plant);
	if (l->t.proc >= 0)
		close(l->t.proc);
	proc_ids_deinit(&l->fds);
	free(l->cloexec);
	free(l);
}
