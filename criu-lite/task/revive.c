// SPDX-License-Identifier: GPL-2.0-only
/*
 * From puppet to task. Every task of the tree exists and stands still. For each
 * one in turn: its memory, if it has no children that needed it before; working
 * directory and descriptors; its threads; the attributes of every thread, the
 * leader's last. A task that was a zombie dies now.
 *
 * As soon as they have these, the stage is taken away, and threads get their registers
 * and signal mask. Put off until this is done for all are interrupted waits, whose
 * time would run, and those who must still take file locks. The last step lets all go.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "fd/transfer.h"
#include "task/cast.h"
#include "task/locks.h"
#include "task/registers.h"
#include "task/restart.h"
#include "task/task.h"

#define THREAD_SLOT  1
#define BATCH_BIRTHS 500
#define AT_ONCE	     16 /* threads that run their batches at a time */
#define FEW	     8
#define THREAD_FLAGS                                                                     \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |              \
		CLONE_SYSVSEM | CLONE_PTRACE)

static int settle(struct cast *c, size_t i, struct err *err)
{
	struct actor *a = &c->actor[i];
	struct carrier carrier = { .number = c->carrier };
	const struct snap_task *from = a->memory < 0 ? NULL : &c->snap->task[a->memory];
	int ret;

	if (a->settled)
		return 0;
	ret = mem_restore_task(c->mem, &a->p, &carrier, &c->snap->task[i], from, err);
	a->settled = true;
	return ret ? err_in(err, ret, "memory") : 0;
}

static void add_thread(struct puppet *p, pid_t tid)
{
	struct clone_args args = {
		.flags = THREAD_FLAGS,
		.set_tid = batch_in(&p->b, &tid, sizeof(tid)),
		.set_tid_size = 1,
	};

	batch_call2(&p->b, "clone3", SYS_clone3, batch_in(&p->b, &args, sizeof(args)),
		sizeof(args));
	batch_must_be(&p->b, tid);
}

static int make_threads(struct cast *c, size_t i, struct err *err)
{
	const struct snap_task *t = &c->snap->task[i];
	struct puppet *p = &c->actor[i].p;
	int ret = 0;

	for (unsigned k = 1; k < t->n_threads && !ret;) {
		unsigned first = k;

		for (; k < t->n_threads && k - first < BATCH_BIRTHS; k++)
			add_thread(p, t->threads[k].tid);
		ret = puppet_run(p, err);
		for (; first < k && !ret; first++)
			ret = puppet_born(t->threads[first].tid, err);
	}
	return ret ? err_in(err, ret, "make its threads") : 0;
}

static uint64_t mask_of(const CoreEntry *core)
{
	return core->tc ? core->tc->blk_sigset : core->thread_core->blk_sigset;
}

/* What ends the life of a puppet: the thread stands as it was found by the dump. */
static int unstring(struct cast *c, pid_t tid, const CoreEntry *core,
	const struct arch_regs *regs, struct err *err)
{
	uint64_t mask = mask_of(core);
	int ret = FAULT_STEP(
		SET_REGS, err, registers_set(tid, core, regs, &c->layout, err));

	if (!ret &&
		(FAULT(SET_MASK) || ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask)))
		ret = err_os(err, errno, "thread %d: set the signal mask", tid);
	if (!ret)
		ret = FAULT_STEP(SPREAD, err,
			sched_spread(tid, core, &c->cpus, c->snap->log, err));
	return ret;
}

/* Is a leader needed as a puppet when all tasks are revived? Or one of its threads, which
 * run in its stage? */
static bool ends_late(const struct cast *c, size_t i, const CoreEntry *core)
{
	const CrlThread *own = core->thread_core->crl;

	return c->snap->locks || (own && own->has_restart_ns) ||
	       (c->lates && c->late[c->lates - 1].task == i);
}

/*
 * A thread that nobody needs any more gets its registers at once, while its
 * message is at hand. One that waits for a time does not: its clock would run.
 */
static int end_thread(
	struct cast *c, size_t i, unsigned k, const CoreEntry *core, struct err *err)
{
	const CrlThread *own = core->thread_core->crl;
	struct late_thread late = { i, k };
	struct arch_regs regs;
	int ret = 0;

	if (k ? own && own->has_restart_ns : ends_late(c, i, core)) {
		arena_push(&c->arena, c->late, c->lates, c->late_cap, late);
		return 0;
	}
	registers_from_image(core, &regs);
	restart_state(core, &regs);
	if (!k)
		ret = mem_restore_unstage(c->mem, &c->actor[i].p, &c->snap->task[i], err);
	return ret ? ret : unstring(c, c->snap->task[i].threads[k].tid, core, &regs, err);
}

/* A thread on its way: its batch is running between the two halves. */
struct reviving {
	struct puppet own, *p;
	const CoreEntry *core;
	unsigned k;
};

static int revive_begin(struct cast *c, size_t i, struct reviving *v,
	const CoreEntry *leader, struct err *err)
{
	const struct snap_task *t = &c->snap->task[i];
	struct restore_thread th = {
		.pid = t->pid,
		.tid = t->threads[v->k].tid,
		.leader = v->k == 0,
		.leader_core = leader,
		.seccomp = c->snap->seccomp,
		.own = &c->own,
		.p = v->p,
		.log = c->snap->log,
	};
	int ret;

	th.core = v->core;
	ret = FAULT_STEP(ATTRIBUTES, err, task_restore(&th, err));
	if (!ret && v->k == 0)
		ret = mem_restore_last(c->mem, v->p, t, err);
	return ret ? ret : puppet_start(v->p, err);
}

static int revive_end(struct cast *c, size_t i, struct reviving *v, struct err *err)
{
	int ret = puppet_finish(v->p, err);

	return ret ? ret : end_thread(c, i, v->k, v->core, err);
}

static int in_thread(const struct cast *c, size_t i, unsigned k, int ret, struct err *err)
{
	return ret && k ? err_in(err, ret, "thread %d", c->snap->task[i].threads[k].tid)
			: ret;
}

/* One that has a whole slot for itself. */
static int revive_alone(struct cast *c, size_t i, struct reviving *v,
	const CoreEntry *leader, struct err *err)
{
	int ret = revive_begin(c, i, v, leader, err);

	if (!ret)
		ret = revive_end(c, i, v, err);
	return in_thread(c, i, v->k, ret, err);
}

/* Has a thread little to do, so that its calls fit a part of a slot for sure? */
static bool is_small(const CoreEntry *core)
{
	const ThreadCoreEntry *t = core->thread_core;

	return !t->has_seccomp_filter && (!t->creds || t->creds->n_groups <= FEW) &&
	       (!t->signals_p || t->signals_p->n_signals <= FEW);
}

static int begin_next(struct cast *c, size_t i, unsigned first, unsigned n,
	struct reviving *v, const CoreEntry *core, const CoreEntry *leader,
	struct err *err)
{
	const struct snap_task *t = &c->snap->task[i];
	pid_t tid = t->threads[first + n].tid;

	*v = (struct reviving){ .p = &v->own, .core = core, .k = first + n };
	puppet_init_part(&v->own, &c->stage, THREAD_SLOT, n, AT_ONCE, t->pid, tid);
	return in_thread(c, i, v->k, revive_begin(c, i, v, leader, err), err);
}

/*
 * Threads from number k on, as many as run at a time: each is set going while the
 * next one's batch is made. One that has much to do is done alone. Returns how many
 * were done, or -errno.
 */
static int revive_group(
	struct cast *c, size_t i, unsigned k, const CoreEntry *leader, struct err *err)
{
	const struct snap_task *t = &c->snap->task[i];
	const CoreEntry *core = NULL;
	struct reviving v[AT_ONCE];
	unsigned n = 0;
	int ret = 0;

	arena_reset(&c->core_arena);
	for (; n < AT_ONCE && k + n < t->n_threads && !ret; n += !ret) {
		core = snapshot_core(&t->threads[k + n], &c->core_arena);
		if (!core)
			ret = err_os(err, ENOMEM, "core");
		else if (!is_small(core))
			break;
		else
			ret = begin_next(c, i, k, n, &v[n], core, leader, err);
	}
	for (unsigned j = 0; j < n && !ret; j++)
		ret = in_thread(c, i, v[j].k, revive_end(c, i, &v[j], err), err);
	if (ret || n)
		return ret ? ret : (int)n;
	v[0] = (struct reviving){ .p = &v[0].own, .core = core, .k = k };
	puppet_init(&v[0].own, &c->stage, THREAD_SLOT, t->pid, t->threads[k].tid);
	ret = revive_alone(c, i, &v[0], leader, err);
	return ret ? ret : 1;
}

static int revive_threads(struct cast *c, size_t i, struct err *err)
{
	const struct snap_task *t = &c->snap->task[i];
	struct reviving first = { .p = &c->actor[i].p };
	struct arena leader_arena;
	const CoreEntry *leader;
	int ret = 0;

	arena_init(&leader_arena);
	leader = snapshot_core(&t->threads[0], &leader_arena);
	if (!leader)
		ret = err_os(err, ENOMEM, "core");
	first.core = leader;
	for (unsigned k = 1; k < t->n_threads && ret >= 0; k += ret)
		ret = revive_group(c, i, k, leader, err);
	if (ret >= 0)
		ret = revive_alone(c, i, &first, leader, err);
	arena_deinit(&leader_arena);
	return ret;
}

static int revive_live(struct cast *c, size_t i, struct err *err)
{
	struct puppet *p = &c->actor[i].p;
	struct carrier carrier = { .number = c->carrier };
	int ret = settle(c, i, err);

	if (!ret)
		ret = transfer_table(p, &carrier, c->files, &c->snap->task[i], err);
	if (!ret)
		batch_call1(&p->b, "close", SYS_close, c->carrier);
	if (!ret)
		ret = make_threads(c, i, err);
	return ret ? ret : revive_threads(c, i, err);
}

static void add_name(struct puppet *p, const char *comm)
{
	batch_call2(&p->b, "PR_SET_NAME", SYS_prctl, 15 /* PR_SET_NAME */,
		batch_text(&p->b, comm));
}

/* By the signal that killed it, or by its exit code; it stays for its parent to reap. */
static int die_again(struct cast *c, size_t i, struct err *err)
{
	const struct snap_task *t = &c->snap->task[i];
	struct puppet *p = &c->actor[i].p;
	struct rlimit no_core = { 0 };
	int sig = t->exit_code & 0x7f, status, ret;
	uint64_t open_mask = 0;
	const CoreEntry *core;

	core = snapshot_core(&t->threads[0], &c->core_arena);
	if (!core)
		return err_os(err, ENOMEM, "core");
	add_name(p, t->comm);
	if (core->tc->crl && core->tc->crl->has_uid) {
		uint32_t uid = core->tc->crl->uid, gid = core->tc->crl->gid;

		batch_call3(&p->b, "setresgid", SYS_setresgid, gid, gid, gid);
		batch_call3(&p->b, "setresuid", SYS_setresuid, uid, uid, uid);
	}
	if (!sig) {
		batch_call1(
			&p->b, "exit_group", SYS_exit_group, t->exit_code >> 8 & 0xff);
		ret = FAULT_STEP(DIE_AGAIN, err, puppet_start(p, err));
	} else {
		batch_call4(&p->b, "prlimit64", SYS_prlimit64, 0, RLIMIT_CORE,
			batch_in(&p->b, &no_core, sizeof(no_core)), 0);
		ret = puppet_run(p, err);
		if (!ret && (ptrace(PTRACE_SETSIGMASK, p->tid, sizeof(open_mask),
				     &open_mask) ||
				    ptrace(PTRACE_CONT, p->tid, 0, sig)))
			ret = err_os(err, errno, "let it die by signal %d", sig);
	}
	while (!ret && waitpid(p->pid, &status, __WALL) == p->pid && WIFSTOPPED(status))
		if (ptrace(PTRACE_CONT, p->tid, 0, WSTOPSIG(status)))
			ret = err_os(err, errno, "let it die by signal %d", sig);
	c->actor[i].dead = !ret;
	return ret;
}

int cast_revive(struct cast *c, struct err *err)
{
	/* Zombies first: their parents' SIGCHLD is discarded when their signal actions
	 * are set. */
	for (size_t i = 0; i < c->snap->tasks; i++) {
		int ret = c->snap->task[i].state == SNAP_DEAD ? die_again(c, i, err) : 0;

		if (ret)
			return err_in(err, ret, "pid %d", c->snap->task[i].pid);
	}
	for (size_t i = 0; i < c->snap->tasks; i++) {
		int ret =
			c->snap->task[i].state == SNAP_DEAD ? 0 : revive_live(c, i, err);

		if (ret)
			return err_in(err, ret, "pid %d (%s)", c->snap->task[i].pid,
				c->snap->task[i].comm);
	}
	return FAULT_STEP(LOCKS, err, locks_restore(c, err));
}

static int finish_thread(struct cast *c, size_t i, unsigned k, struct err *err)
{
	const struct snap_task *t = &c->snap->task[i];
	const struct snap_thread *th = &t->threads[k];
	uint64_t slot = c->actor[i].p.b.remote;
	struct arch_regs regs;
	const CoreEntry *core;
	int ret;

	arena_reset(&c->core_arena);
	core = snapshot_core(th, &c->core_arena);
	if (!core)
		return err_os(err, ENOMEM, "core");
	registers_from_image(core, &regs);
	restart_state(core, &regs);
	ret = FAULT_STEP(RESTART, err,
		restart_call(th->tid, core, c->stage.base + arch_stub_syscall(), slot,
			(void *)slot, &regs, err));
	if (!ret && k == 0)
		ret = mem_restore_unstage(c->mem, &c->actor[i].p, t, err);
	return ret ? ret : unstring(c, th->tid, core, &regs, err);
}

/* In the order in which they were put off: threads before their leader, who takes the
 * stage away. */
int cast_finish(struct cast *c, struct err *err)
{
	for (size_t i = 0; i < c->lates; i++) {
		const struct snap_task *t = &c->snap->task[c->late[i].task];
		int ret = finish_thread(c, c->late[i].task, c->late[i].thread, err);

		if (ret)
			return err_in(err, ret, "pid %d (%s)", t->pid, t->comm);
	}
	return 0;
}

/* The first threads that run may have ended their process before the last is let go. */
static int let_go(const struct snap_task *t, unsigned k, struct err *err)
{
	if (!FAULT(RELEASE) && !ptrace(PTRACE_DETACH, t->threads[k].tid, 0, 0))
		return 0;
	if (errno != ESRCH)
		return err_os(err, errno, "pid %d: let it go", t->pid);
	if (k) /* the leader is for its parent to collect */
		waitpid(t->threads[k].tid, NULL, __WALL);
	return 0;
}

/* One that cannot be let go takes all with it, those too that were: a part of a tree is
 * no tree. */
int cast_release(struct cast *c, bool stopped, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; i < c->snap->tasks && !ret; i++) {
		const struct snap_task *t = &c->snap->task[i];
		int sig = stopped		     ? SIGSTOP
			  : t->state == SNAP_STOPPED ? t->stop_signal
						     : 0;

		if (t->state == SNAP_DEAD)
			continue;
		if (sig)
			kill(t->pid, sig);
		for (unsigned k = t->n_threads; k-- > 0 && !ret;)
			ret = let_go(t, k, err);
	}
	for (size_t i = 0; i < c->snap->tasks && !ret; i++)
		c->actor[i].dead = true; /* not ours any more */
	return ret;
}
