// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answering for a thread. The attributes of a task ask it by system calls; what
 * such a call would say often stands in the kernel's record of the thread. When
 * all calls of a batch can be answered from there, the thread is not visited:
 * it does not run at all between freeze and release.
 *
 * A running interval timer is not in a record in a form that can be had without
 * running the clock, nor are POSIX timers; then the thread is asked as always.
 *
 * Reading records takes some milliseconds before the first one, for the types
 * of the kernel: a small tree is faster to visit.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "crl/batch.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/freeze.h"
#include "crl/log.h"
#include "crl/proc/records.h"
#include "task/known.h"
#include "task/task.h"

#define WORTH_IT	64 /* threads */
#define DUMPABLE_MASK	3ull
#define FILTER_SHIFT	2
#define FILTER_MASK	0x1ff
#define THP_DISABLED	(1ull << 24)
#define NEW_FLAGS	(~0ull << 32) /* of mm: kernels give new meanings to these */
#define SA_IMMUTABLE	0x00800000ull /* the kernel's own */
#define NO_NEW_PRIVS	1ull
#define AUTODISARM	(1u << 31)
#define HAVE(r, member) task_records_have(r, offsetof(struct task_record, member))
#define ITIMERS_OFF(r)                                                                   \
	(!(r)->real_queued && !(r)->real_interval && !(r)->cpu_timer[0] &&               \
		!(r)->cpu_timer[1] && !(r)->cpu_timer[2] && !(r)->cpu_timer[3])

static int read_records(struct known *k, struct err *err)
{
	k->asked = true;
	return task_records_read(&k->records, err);
}

static bool covers(const struct task_records *records, const struct frozen_tree *tree)
{
	for (size_t i = 0; i < tree->n_tasks; i++) {
		const struct frozen_task *ft = &tree->tasks[i];
		const struct task_record *rec;

		for (size_t k = 0; k < ft->n_threads; k++) {
			rec = task_records_find(records, ft->threads[k].tid);
			if (!rec || !rec->mm ||
				rec->leader != (ft->threads[k].tid == ft->pid))
				return false;
		}
	}
	return true;
}

int known_init(struct known *k, const struct frozen_tree *tree, enum inspect how,
	const struct log *log, struct err *err)
{
	int ret;

	*k = (struct known){ .log = log };
	if (how == INSPECT_VISIT || (how == INSPECT_AUTO && tree->n_threads < WORTH_IT))
		return 0;
	ret = FAULT_STEP(RECORDS, err, read_records(k, err));
	if (ret && how == INSPECT_BPF)
		return err_in(err, ret, "--inspect bpf");
	if (ret)
		log_info(log, "threads are visited one by one: %s", err->text);
	else
		k->complete = covers(k->records, tree);
	return 0;
}

void known_deinit(struct known *k)
{
	task_records_free(k->records);
	k->records = NULL;
}

const struct task_records *known_records(struct known *k)
{
	struct err err;

	if (!k->asked && read_records(k, &err))
		log_warn(k->log, "rest of interrupted waits: %s", err.text);
	return k->records;
}

bool known_status(struct dump_thread *t)
{
	const struct task_record *rec = t->record;
	struct proc_status *s = &t->status;
	uint32_t *groups;

	if (!rec || rec->n_groups > RECORD_GROUPS)
		return false;
	if (s->groups_cap < rec->n_groups) {
		groups = reallocarray(s->groups, RECORD_GROUPS, sizeof(*groups));
		if (!groups)
			return false;
		s->groups = groups;
		s->groups_cap = RECORD_GROUPS;
	}
	if (rec->n_groups)
		memcpy(s->groups, rec->groups, rec->n_groups * sizeof(*s->groups));
	s->ngroups = rec->n_groups;
	memcpy(s->uid, rec->uid, sizeof(s->uid));
	memcpy(s->gid, rec->gid, sizeof(s->gid));
	s->umask = rec->umask;
	s->sig_pending = rec->pending;
	s->shd_pending = t->task->record->shared_pending;
	s->sig_blocked = rec->blocked;
	s->cap_inh = rec->cap_inh, s->cap_prm = rec->cap_prm, s->cap_eff = rec->cap_eff;
	s->cap_bnd = rec->cap_bnd, s->cap_amb = rec->cap_amb;
	s->no_new_privs = rec->atomic_flags & NO_NEW_PRIVS;
	s->seccomp = rec->seccomp_mode;
	return true;
}

bool known_no_timers(const struct dump_thread *t)
{
	return t->record && HAVE(t->task->known->records, posix_timers) &&
	       !t->task->record->posix_timers;
}

bool known_no_tls(const struct dump_thread *t)
{
	const struct task_record *rec = t->record;

	return rec && HAVE(t->task->known->records, tls) && !rec->tls[0] &&
	       !rec->tls[1] && !rec->tls[2];
}

bool known_small_files(const struct dump_thread *t, struct known_files *files)
{
	const struct task_record *rec = t->task->record;

	if (!rec)
		return false;
	*files = (struct known_files){
		.oom_score_adj = (int16_t)rec->oom_score_adj,
		.has_loginuid = HAVE(t->task->known->records, loginuid),
		.loginuid = rec->loginuid,
		.coredump_filter = rec->mm_flags >> FILTER_SHIFT & FILTER_MASK,
	};
	return true;
}

static void put(const struct batch *b, uint64_t remote, const void *bytes, size_t n)
{
	memcpy(batch_at(b, remote), bytes, n);
}

static bool answer_prctl(
	const struct task_record *rec, const struct batch *b, struct batch_op *op)
{
	const int subreaper = rec->subreaper, pdeath = rec->pdeath_signal;

	op->ret = 0;
	switch (op->arg[0]) {
	case PR_GET_NAME:
		put(b, op->arg[1], rec->comm, sizeof(rec->comm));
		return true;
	case PR_GET_PDEATHSIG:
		put(b, op->arg[1], &pdeath, sizeof(pdeath));
		return true;
	case PR_GET_CHILD_SUBREAPER:
		put(b, op->arg[1], &subreaper, sizeof(subreaper));
		return rec->leader;
	case PR_GET_TID_ADDRESS:
		put(b, op->arg[1], &rec->clear_child_tid, sizeof(rec->clear_child_tid));
		return true;
	case PR_GET_SECUREBITS:
		op->ret = rec->securebits;
		return true;
	case PR_GET_TIMERSLACK:
		op->ret = rec->timer_slack;
		return true;
	case PR_GET_DUMPABLE:
		op->ret = rec->mm_flags & DUMPABLE_MASK;
		return rec->leader;
	case PR_GET_THP_DISABLE:
		return rec->leader && !(rec->mm_flags & (THP_DISABLED | NEW_FLAGS));
	}
	return false;
}

static bool answer_altstack(
	const struct dump_thread *t, const struct batch *b, const struct batch_op *op)
{
	const struct task_record *rec = t->record;
	stack_t ss = {
		.ss_sp = (void *)rec->altstack,
		.ss_size = rec->altstack_size,
	};
	uint64_t sp = arch_regs_sp(&t->regs);

	/* SS_AUTODISARM is stored; the rest follows from size and stack pointer. */
	ss.ss_flags = rec->altstack_flags & AUTODISARM;
	if (!rec->altstack_size)
		ss.ss_flags |= SS_DISABLE;
	else if (!ss.ss_flags && sp > rec->altstack &&
		 sp - rec->altstack <= rec->altstack_size)
		ss.ss_flags |= SS_ONSTACK;
	put(b, op->arg[1], &ss, sizeof(ss));
	return true;
}

static bool answer_action(
	const struct task_record *rec, const struct batch *b, const struct batch_op *op)
{
	uint64_t sig = op->arg[0], action[4];

	if (!rec->leader || sig < 1 || sig > RECORD_ACTIONS)
		return false;
	memcpy(action, &rec->action[sig - 1], sizeof(action));
	action[1] &= ~SA_IMMUTABLE;
	put(b, op->arg[2], action, sizeof(action));
	return true;
}

static bool answer_fcntl(const struct task_record *rec, struct batch_op *op)
{
	uint64_t fd = op->arg[0];

	if (!rec->leader || op->arg[1] != F_GETFD || fd >= rec->max_fds ||
		fd >= 64 * RECORD_CLOEXEC)
		return false;
	op->ret = rec->cloexec[fd / 64] >> fd % 64 & 1 ? FD_CLOEXEC : 0;
	return true;
}

static bool answer(const struct dump_thread *t, const struct task_records *all,
	const struct batch *b, struct batch_op *op)
{
	const struct task_record *rec = t->record;

	op->ret = 0;
	switch ((long)op->nr_plus_1 - 1) {
	case SYS_sigaltstack:
		return answer_altstack(t, b, op);
	case SYS_rt_sigaction:
		return answer_action(rec, b, op);
	case SYS_prctl:
		return answer_prctl(rec, b, op);
	case SYS_fcntl:
		return answer_fcntl(rec, op);
	case SYS_getitimer: /* off: zeroes, as the batch has them */
		return rec->leader && HAVE(all, real_queued) && ITIMERS_OFF(rec);
	case SYS_membarrier: /* no registrations */
		return rec->leader && HAVE(all, membarrier) && !rec->membarrier;
	case SYS_personality:
		op->ret = rec->personality;
		return true;
	case SYS_brk:
		op->ret = rec->brk;
		return rec->leader;
	}
	return false;
}

bool known_answers(const struct dump_thread *t, struct batch *b)
{
	const struct task_records *all = t->task->known->records;

	if (!t->record || b->full)
		return false;
	for (unsigned i = 0; i < b->count; i++)
		if (!answer(t, all, b, (struct batch_op *)b->local + i))
			return false;
	return true;
}
