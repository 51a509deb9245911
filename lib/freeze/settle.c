// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From "asked to stop" to "stands".
 *
 * A thread on its way to the PTRACE_EVENT_STOP that it was asked for may stop
 * for other reasons first: a signal about to be delivered, a fork, an exec. It
 * is sent on from each of them with the request renewed, since any ptrace-stop
 * takes the pending request away; the renewed one strikes before it runs any
 * code of its own.
 *
 * Stops are looked at with WNOWAIT. Collecting a signal-delivery-stop clears the
 * signal in the kernel: were we killed between that and PTRACE_CONT, it would be
 * lost. Not collected, it is delivered also when we die.
 *
 * Threads are waited for one after the other, the last asked first, so that a
 * newborn is served before its parent, which may be waiting for it. Should one
 * wait for another, the tick interrupts, and everybody is heard once.
 *
 * When a thread that is not the leader calls exec, all others die and it takes
 * the id of the leader: its old id vanishes without notice, and what we knew of
 * the leader is void.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "blame.h"
#include "crl/err.h"
#include "freezing.h"
#include "seize.h"
#include "settle.h"
#include "vfork.h"

#define LOOK_TICKS 4  /* so often those who do not stop are looked at closely */
#define LOOK_MAX   64 /* so many of them */

void seize_resume(const struct seized *s, int signo)
{
	if (!s->let_go)
		ptrace(PTRACE_INTERRUPT, s->tid, 0, 0);
	ptrace(PTRACE_CONT, s->tid, 0, signo);
}

/* Somebody of the process went away, maybe by exec, and maybe into the leader's place. */
static void doubt_leader(struct freezing *f, pid_t tgid)
{
	struct seized *leader = set_find(&f->set, tgid);
	struct err scratch;
	unsigned long message;
	bool stands;

	if (!leader || !leader->attached || leader->state == SEIZED_ASKED)
		return;
	/* In this order: a stop that is already there and has nothing to say is the old
	 * one. */
	stands = !ptrace(PTRACE_GETEVENTMSG, tgid, 0, &message);
	set_ask(&f->set, leader);
	if (!settle_one(f, leader - f->set.v, WNOHANG, &scratch) && stands)
		leader->state = SEIZED_STOPPED;
}

void settle_lost(struct freezing *f, size_t at)
{
	struct seized *s = &f->set.v[at];

	f->changed = true;
	f->died = true;
	vfork_done(f, s);
	s->state = SEIZED_NOT;
	s->attached = s->let_go = false;
	s->stop_signal = 0;
	if (s->tgid && s->tgid != s->tid)
		doubt_leader(f, s->tgid);
}

static void collect_stop(pid_t tid)
{
	waitid(P_PID, tid, &(siginfo_t){ 0 }, WSTOPPED | WNOHANG | __WALL);
}

static void stands(struct freezing *f, struct seized *s, int signo)
{
	collect_stop(s->tid);
	vfork_done(f, s);
	s->let_go = false;
	s->stop_signal = signo == SIGTRAP ? 0 : signo;
	s->state = SEIZED_STOPPED;
	if (!f->undoing)
		return;
	seize_detach(s->tid);
	s->attached = false;
	s->state = SEIZED_NOT;
}

static int newborn(struct freezing *f, size_t at, bool vfork, struct err *err)
{
	struct seized *s;
	unsigned long tid;

	if (ptrace(PTRACE_GETEVENTMSG, f->set.v[at].tid, 0, &tid))
		return 0;
	f->changed = true;
	s = set_add(&f->set, (pid_t)tid, err);
	if (!s)
		return -ENOMEM;
	if (!s->attached) {
		s->attached = true;
		s->tgid = 0;
		set_ask(&f->set, s);
	}
	if (vfork) {
		s->let_go = true;
		f->set.v[at].vfork = s->tid;
		if (s->state == SEIZED_STOPPED) {
			seize_resume(s, 0);
			set_ask(&f->set, s);
		}
	}
	return 0;
}

static void execed(struct freezing *f, struct seized *s)
{
	unsigned long former = 0;

	f->changed = true;
	s->let_go = false;
	if (ptrace(PTRACE_GETEVENTMSG, s->tid, 0, &former) || (pid_t)former == s->tid)
		return;
	s = set_find(&f->set, (pid_t)former);
	if (s) {
		s->state = SEIZED_NOT;
		s->attached = false;
	}
}

static int on_stop(struct freezing *f, size_t at, int event, int signo, struct err *err)
{
	struct seized *s = &f->set.v[at];
	int ret = 0;

	switch (event) {
	case PTRACE_EVENT_STOP:
		if (s->let_go && signo == SIGTRAP)
			break;
		stands(f, s, signo);
		return 1;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		ret = newborn(f, at, event == PTRACE_EVENT_VFORK, err);
		break;
	case PTRACE_EVENT_EXEC:
		/* Under a new pid the kernel refuses all requests before this was heard.
		 */
		collect_stop(s->tid);
		execed(f, s);
		break;
	}
	seize_resume(&f->set.v[at], event ? 0 : signo);
	return ret ? ret : 1;
}

int settle_one(struct freezing *f, size_t at, int flags, struct err *err)
{
	pid_t tid = f->set.v[at].tid;
	siginfo_t si = { 0 };

	if (waitid(P_PID, tid, &si, WEXITED | WSTOPPED | __WALL | WNOWAIT | flags)) {
		if (errno == EINTR)
			return -EINTR;
		settle_lost(f, at);
		return 1;
	}
	if (!si.si_pid)
		return 0;
	if (si.si_code != CLD_TRAPPED) {
		seize_reap(tid, WNOHANG);
		settle_lost(f, at);
		return 1;
	}
	return on_stop(f, at, si.si_status >> 8 & 0xff, si.si_status & 0xff, err);
}

/* It was asked some time ago and has not stopped. */
static void look_closely(struct freezing *f, size_t at)
{
	struct seized *s = &f->set.v[at];

	switch (freezing_state(f, s->tid)) {
	case 'Z': /* a leader is heard of when its other threads are gone, which may be
		     never */
		if (s->tid == s->tgid) {
			s->state = SEIZED_NOT;
			s->attached = false;
			f->changed = true;
		}
		break;
	case 'D':
		vfork_help(f, s);
		if (s->tgid)
			seize_collect_dead(f, s->tgid);
		break;
	case 'S':
	case 'T':
		/* Its request may have been lost in a change of identity. */
		if (!s->let_go)
			ptrace(PTRACE_INTERRUPT, s->tid, 0, 0);
		break;
	}
}

static int hear_everybody(struct freezing *f, struct err *err)
{
	bool look = ++f->ticks % LOOK_TICKS == 0;
	size_t looked = 0;

	for (size_t i = f->set.n_pending; i-- > 0;) {
		size_t at = f->set.pending[i];
		int ret;

		if (f->set.v[at].state != SEIZED_ASKED)
			continue;
		ret = settle_one(f, at, WNOHANG, err);
		if (ret < 0 && ret != -EINTR)
			return ret;
		if (look && !ret && looked++ < LOOK_MAX)
			look_closely(f, at);
	}
	return 0;
}

static int on_tick(struct freezing *f, size_t at, struct err *err)
{
	bool late = freezing_now() > f->deadline;
	int ret;

	f->ticked = 0;
	ret = hear_everybody(f, err);
	if (!ret && late && f->set.v[at].state == SEIZED_ASKED)
		ret = blame_timeout(f, &f->set.v[at], err);
	return ret;
}

int seize_settle(struct freezing *f, struct err *err)
{
	struct seize_set *set = &f->set;
	int ret = 0;

	while (set->n_pending && ret >= 0) {
		size_t at = set->pending[set->n_pending - 1];

		if (set->v[at].state != SEIZED_ASKED) {
			set->v[at].queued = false;
			set->n_pending--;
			continue;
		}
		ret = f->ticked ? -EINTR : settle_one(f, at, 0, err);
		if (ret == -EINTR)
			ret = on_tick(f, at, err);
	}
	return ret < 0 ? ret : 0;
}
