// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Meeting, seizing and releasing threads. What their stops mean is in settle.c.
 *
 * A new thread is seized and asked to stop (PTRACE_INTERRUPT) at once, and
 * waited for later, with all the others. One that was in group-stop traps
 * inside PTRACE_SEIZE; asking it again would leave a second trap pending.
 *
 * Two places where PTRACE_SEIZE would sleep:
 * - In a frozen cgroup of version 1, on a thread in group-stop, which cannot
 *   trap before it is thawed. Only who sits in the refrigerator is seized there.
 * - While the process is in exec. That waits for the other threads of the
 *   process to be gone, and those that we have seized are gone only when we
 *   collect them: the tick does that, from its signal handler. If exec hangs for
 *   another reason, the tick ends the call when the time is up.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "blame.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/log.h"
#include "crl/proc/children.h"
#include "crl/proc/stat.h"
#include "freezing.h"
#include "seize.h"
#include "settle.h"

#define UNDO_NS 2000000000LL

long long freezing_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* 1, 0 not yet, or -errno. Asked for exits only, the kernel tells of a tracee's stops
 * too. */
static int has_died(pid_t tid, int flags)
{
	siginfo_t si = { 0 };

	if (waitid(P_PID, tid, &si, WEXITED | __WALL | WNOWAIT | flags))
		return -errno;
	return si.si_pid && si.si_code != CLD_TRAPPED;
}

/* A child of our own (not a thread: those have no exit signal)? We hear of its death
 * anyway. */
static bool own_child(pid_t tid)
{
	PROC_BUF_AUTO buf = { 0 };
	char path[PROC_PATH_SIZE];
	struct proc_stat stat;
	struct err scratch;

	proc_path(path, "/proc/", (unsigned int)tid, "/stat");
	return !proc_read(AT_FDCWD, path, &buf, &scratch) &&
	       !stat_parse(buf.data, buf.len, &stat, &scratch) && stat.ppid == getpid() &&
	       stat.exit_signal >= 0;
}

int seize_reap(pid_t tid, int flags)
{
	int ret = has_died(tid, flags);

	if (ret <= 0)
		return ret ? ret : -EAGAIN;
	if (!own_child(tid))
		waitid(P_PID, tid, &(siginfo_t){ 0 }, WEXITED | WNOHANG | __WALL);
	return 0;
}

void seize_collect_dead(struct freezing *f, pid_t tgid)
{
	PROC_IDS_AUTO tids = { 0 };
	char path[PROC_PATH_SIZE];
	struct err scratch;

	snprintf(path, sizeof(path), "%d/task", tgid);
	if (proc_list_dir(f->proc, path, &f->buf, &tids, &scratch))
		return;
	for (size_t i = 0; i < tids.n; i++)
		if (tids.v[i] != tgid)
			seize_reap(tids.v[i], WNOHANG);
}

void seize_tick(void *arg)
{
	struct freezing *f = arg;

	f->ticked = 1;
	if (!f->seizing)
		return;
	if (freezing_now() > f->deadline)
		siglongjmp(f->give_up, 1);
	/*
	 * We interrupted ptrace() and nothing else, not even another tick: this is as
	 * good a place as any, also for malloc().
	 */
	seize_collect_dead(f, (pid_t)f->seizing);
}

static int call_seize(struct freezing *f, pid_t tid, pid_t tgid)
{
	int ret;

	if (sigsetjmp(f->give_up, 1)) {
		f->seizing = 0;
		return -ETIMEDOUT;
	}
	f->seizing = tgid;
	if (FAULT(FREEZE_SEIZE) || ptrace(PTRACE_SEIZE, tid, 0, SEIZE_OPTIONS))
		ret = -errno;
	else
		ret = 0;
	f->seizing = 0;
	return ret;
}

static bool refrigerated(struct freezing *f, pid_t tid)
{
	char path[PROC_PATH_SIZE];
	struct err scratch;

	snprintf(path, sizeof(path), "%d/wchan", tid);
	return !proc_read(f->proc, path, &f->buf, &scratch) &&
	       strstr(f->buf.data, "refrigerator");
}

static int refused(struct freezing *f, struct seized *s, int code, struct err *err)
{
	int ret = blame_seize(f, s, code, err);

	switch (ret) {
	case BLAME_ZOMBIE:
		s->state = SEIZED_ZOMBIE;
		seize_reap(s->tid,
			WNOHANG); /* if we hold it, its parent has not heard of it */
		break;
	case BLAME_HEADLESS:
		f->headless = s->tgid;
		return 0;
	case BLAME_OURS:
		s->attached = true;
		set_ask(&f->set, s);
		break;
	case BLAME_RETRY:
		s->refused++;
		break;
	case BLAME_GONE:
		break;
	default:
		return ret;
	}
	f->changed = true;
	return 0;
}

static int seize(struct freezing *f, struct seized *s, struct err *err)
{
	size_t at = s - f->set.v;
	int ret;

	if (f->refrigerated && !refrigerated(f, s->tid)) {
		f->changed = true;
		return 0;
	}
	ret = call_seize(f, s->tid, s->tgid);
	if (ret == -ETIMEDOUT) {
		s->attached = !ptrace(PTRACE_INTERRUPT, s->tid, 0, 0);
		if (s->attached)
			set_ask(&f->set, s);
		return blame_timeout(f, s, err);
	}
	if (ret)
		return refused(f, s, -ret, err);
	f->changed = true;
	s->attached = true;
	s->refused = 0;
	set_ask(&f->set, s);
	ret = settle_one(f, at, WNOHANG, err);
	s = &f->set.v[at];
	if (s->state == SEIZED_ASKED)
		ptrace(PTRACE_INTERRUPT, s->tid, 0, 0);
	return ret < 0 && ret != -EINTR ? ret : 0;
}

int seize_meet(void *arg, const struct discover_task *task, struct err *err)
{
	struct freezing *f = arg;
	struct seized *s = set_add(&f->set, task->pid, err);

	if (!s)
		return -ENOMEM;
	s->tgid = task->tgid;
	s->pass = f->pass;
	if (s->state == SEIZED_NOT)
		return seize(f, s, err);
	return 0;
}

bool seize_verify(struct freezing *f)
{
	bool all = true;

	for (size_t i = 0; i < f->set.n; i++) {
		struct seized *s = &f->set.v[i];

		if (s->state != SEIZED_STOPPED ||
			!ptrace(PTRACE_SETOPTIONS, s->tid, 0, 0))
			continue;
		seize_reap(s->tid, WNOHANG);
		settle_lost(f, i);
		all = false;
	}
	return all;
}

void seize_drop_unseen(struct freezing *f)
{
	for (size_t i = 0; i < f->set.n; i++) {
		struct seized *s = &f->set.v[i];

		if (s->pass == f->pass || s->state == SEIZED_NOT)
			continue;
		f->changed = true;
		if (s->state == SEIZED_STOPPED) {
			log_debug(f->log, "pid %d is not in the tree: released", s->tid);
			seize_detach(s->tid);
		}
		s->state = SEIZED_NOT;
		s->attached = false;
	}
}

int seize_detach(pid_t tid)
{
	int ret;

	if (!ptrace(PTRACE_DETACH, tid, 0, 0))
		return 0;
	ret = seize_reap(tid, WNOHANG);
	return ret == -EAGAIN ? -ESRCH : 0;
}

void seize_free_strays(void)
{
	for (;;) {
		siginfo_t si = { 0 };

		if (waitid(P_ALL, 0, &si, WSTOPPED | WNOHANG | WNOWAIT | __WALL) ||
			!si.si_pid)
			return;
		if (si.si_code != CLD_TRAPPED || ptrace(PTRACE_DETACH, si.si_pid, 0, 0))
			return;
	}
}

void seize_undo(struct freezing *f)
{
	struct err scratch;

	f->undoing = true;
	for (size_t i = 0; i < f->set.n; i++) {
		struct seized *s = &f->set.v[i];

		if (s->state == SEIZED_STOPPED) {
			seize_detach(s->tid);
			s->attached = false;
			s->state = SEIZED_NOT;
		} else if (s->let_go) {
			s->let_go = false;
			ptrace(PTRACE_INTERRUPT, s->tid, 0, 0);
		}
	}
	f->deadline = freezing_now() + UNDO_NS;
	seize_settle(f, &scratch);
	if (f->died)
		seize_free_strays();
}
