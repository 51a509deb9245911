// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A thread in vfork() or posix_spawn() sleeps killably, not interruptibly, until
 * its child calls exec or exits: while the child is held, the parent cannot
 * stop. So the child is let go under trace: it stops itself at exec
 * (PTRACE_EVENT_EXEC), is stopped there for good, and its parent is free to
 * stop too. In real programs this takes well under a millisecond; a child that
 * does not come to exec makes the freeze time out.
 *
 * A vfork under our eyes announces itself by PTRACE_EVENT_VFORK. One that was
 * under way when we came shows as state D and a child on the same memory.
 */
#include <linux/kcmp.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/log.h"
#include "crl/proc/children.h"
#include "freezing.h"
#include "seize.h"
#include "vfork.h"

static bool same_memory(pid_t a, pid_t b)
{
	return !syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0);
}

static void let_go(struct freezing *f, struct seized *s, struct seized *child)
{
	log_debug(f->log, "pid %d waits in vfork: letting pid %d run to its exec", s->tid,
		child->tid);
	s->vfork = child->tid;
	child->let_go = true;
	ptrace(PTRACE_SETOPTIONS, child->tid, 0, SEIZE_OPTIONS);
	seize_resume(child, 0);
	set_ask(&f->set, child);
}

void vfork_help(struct freezing *f, struct seized *s)
{
	char path[PROC_PATH_SIZE];
	PROC_IDS_AUTO children = { 0 };
	struct err scratch;

	if (s->vfork || !s->tgid)
		return;
	snprintf(path, sizeof(path), "%d/task/%d/children", s->tgid, s->tid);
	if (proc_read(f->proc, path, &f->buf, &scratch) ||
		children_parse(f->buf.data, f->buf.len, &children, &scratch))
		return;
	for (size_t i = 0; i < children.n; i++) {
		struct seized *child = set_find(&f->set, children.v[i]);

		if (child && child->state == SEIZED_STOPPED && !child->stop_signal &&
			same_memory(s->tid, child->tid))
			return let_go(f, s, child);
	}
}

void vfork_done(struct freezing *f, struct seized *s)
{
	struct seized *child = s->vfork ? set_find(&f->set, s->vfork) : NULL;

	s->vfork = 0;
	if (!child || !child->attached || !child->let_go)
		return;
	child->let_go = false;
	ptrace(PTRACE_INTERRUPT, child->tid, 0, 0);
}
