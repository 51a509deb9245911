// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * PTRACE_SEIZE says EPERM for many reasons: a debugger is there already, the
 * task has died, it is a kernel thread, we lack the privilege, a security module
 * objects. What /proc says afterwards tells them apart.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "blame.h"
#include "crl/err.h"
#include "crl/proc/stat.h"
#include "crl/proc/status.h"
#include "freezing.h"

#define PF_KTHREAD 0x00200000
#define LABEL_SIZE 160
#define REFUSALS   20

static int read_stat(struct freezing *f, pid_t tid, struct proc_stat *stat)
{
	char path[PROC_PATH_SIZE];
	struct err scratch;
	int ret;

	snprintf(path, sizeof(path), "%d/stat", tid);
	ret = proc_read(f->proc, path, &f->buf, &scratch);
	return ret ? ret : stat_parse(f->buf.data, f->buf.len, stat, &scratch);
}

static int read_status(
	struct freezing *f, const char *task, struct proc_status *status, struct err *err)
{
	char path[PROC_PATH_SIZE];
	int ret;

	snprintf(path, sizeof(path), "%s/status", task);
	ret = proc_read(f->proc, path, &f->buf, err);
	return ret ? ret : status_parse(f->buf.data, f->buf.len, status, err);
}

static int read_status_of(
	struct freezing *f, pid_t tid, struct proc_status *status, struct err *err)
{
	char task[16];

	snprintf(task, sizeof(task), "%d", tid);
	return read_status(f, task, status, err);
}

/* "pid 812 (nginx)", or "pid 812 (nginx) thread 815". */
static const char *label(struct freezing *f, pid_t pid, pid_t tid, char out[LABEL_SIZE])
{
	struct proc_stat stat = { .comm = "?" };
	int used;

	read_stat(f, pid, &stat);
	used = snprintf(out, LABEL_SIZE, "pid %d (%s)", pid, stat.comm);
	if (tid != pid)
		snprintf(out + used, LABEL_SIZE - used, " thread %d", tid);
	return out;
}

char freezing_state(struct freezing *f, pid_t tid)
{
	struct proc_stat stat;

	return read_stat(f, tid, &stat) ? 0 : stat.state;
}

/* Is pid we ourselves or above us? */
static bool above_us(struct freezing *f, pid_t pid)
{
	struct proc_stat stat = { .ppid = getpid() };

	do {
		if (stat.ppid == pid)
			return true;
	} while (stat.ppid > 0 && !read_stat(f, stat.ppid, &stat));
	return false;
}

int blame_root(struct freezing *f, struct err *err)
{
	struct proc_status status = { 0 };
	struct proc_stat stat;
	char who[LABEL_SIZE];
	pid_t tgid;

	if (f->root <= 0)
		return err_set(err, ESRCH, "%d is not a pid", f->root);
	if (read_status_of(f, f->root, &status, err) || read_stat(f, f->root, &stat)) {
		status_deinit(&status);
		return err_set(err, ESRCH, "no process has pid %d", f->root);
	}
	tgid = status.tgid;
	status_deinit(&status);
	label(f, f->root, f->root, who);
	if (tgid != f->root)
		return err_set(err, EINVAL, "%s is a thread of pid %d; name that process",
			who, tgid);
	if (stat.flags & PF_KTHREAD)
		return err_set(err, ENOTSUP,
			"%s is a kernel thread; those cannot be frozen", who);
	if (f->root == getpid())
		return err_set(err, EDEADLK, "%s is crl itself", who);
	if (above_us(f, f->root))
		return err_set(err, EDEADLK,
			"%s: crl itself runs below it; start crl from outside of that "
			"tree",
			who);
	if (stat.state == 'Z' && stat.num_threads <= 1)
		return err_set(err, ESRCH,
			"%s has ended and waits for its parent to collect it", who);
	return 0;
}

static int blame_tracer(
	struct freezing *f, const char *who, pid_t tracer, struct err *err)
{
	struct proc_stat stat = { .comm = "?" };

	read_stat(f, tracer, &stat);
	return err_set(err, EBUSY,
		"%s: already traced by pid %d (%s); detach that debugger first", who,
		tracer, stat.comm);
}

static int blame_privilege(struct freezing *f, const char *who, int code, struct err *err)
{
	struct proc_status self = { 0 };
	struct err scratch;
	bool capable;

	capable = !read_status(f, "self", &self, &scratch) &&
		  self.cap_eff >> CAP_SYS_PTRACE & 1;
	status_deinit(&self);
	if (code == EPERM && !capable)
		return err_set(err, EPERM,
			"%s: not allowed to trace it; run crl as root or with "
			"CAP_SYS_PTRACE",
			who);
	return err_os(err, code,
		"%s: not allowed to trace it, in spite of CAP_SYS_PTRACE: a security "
		"policy "
		"(kernel.yama.ptrace_scope, SELinux, AppArmor) or a user namespace "
		"forbids it",
		who);
}

static enum blame_answer blame_dead(struct freezing *f, const struct seized *s)
{
	struct proc_stat stat;

	if (s->tid != s->tgid || read_stat(f, s->tid, &stat) || stat.state != 'Z')
		return BLAME_GONE;
	return stat.num_threads > 1 ? BLAME_HEADLESS : BLAME_ZOMBIE;
}

int blame_seize(struct freezing *f, const struct seized *s, int code, struct err *err)
{
	struct proc_status status = { 0 };
	struct proc_stat stat;
	char who[LABEL_SIZE];
	pid_t tracer;
	char state;
	int ret = read_status_of(f, s->tid, &status, err);

	state = status.state;
	tracer = status.tracer_pid;
	status_deinit(&status);
	if (code == ESRCH || ret == -ENOENT || ret == -ESRCH)
		return blame_dead(f, s);
	if (ret)
		return ret;
	if (state == 'Z' || state == 'X')
		return blame_dead(f, s);
	if (tracer == gettid())
		return BLAME_OURS;
	label(f, s->tgid, s->tid, who);
	if (tracer)
		return blame_tracer(f, who, tracer, err);
	if (!read_stat(f, s->tid, &stat) && stat.flags & PF_KTHREAD)
		return err_set(err, ENOTSUP,
			"%s is a kernel thread; those cannot be frozen", who);
	/* A leader that has died in exec is refused, and looks fine when its heir is in
	 * place. */
	if (s->refused < REFUSALS)
		return BLAME_RETRY;
	return blame_privilege(f, who, code, err);
}

static void read_wchan(struct freezing *f, pid_t tid, char *out, size_t size)
{
	char path[PROC_PATH_SIZE];
	struct err scratch;

	snprintf(path, sizeof(path), "%d/wchan", tid);
	*out = '\0';
	if (!proc_read(f->proc, path, &f->buf, &scratch) && strcmp(f->buf.data, "0"))
		snprintf(out, size, " in %.64s", f->buf.data);
}

/* The thread that waits in vfork for s, or s itself. */
static const struct seized *vfork_parent(const struct freezing *f, const struct seized *s)
{
	for (size_t i = 0; s->let_go && i < f->set.n; i++)
		if (f->set.v[i].vfork == s->tid)
			return &f->set.v[i];
	return s;
}

int blame_timeout(struct freezing *f, const struct seized *s, struct err *err)
{
	char who[LABEL_SIZE], child[LABEL_SIZE], where[80];
	char state;

	s = vfork_parent(f, s);
	state = freezing_state(f, s->tid);
	label(f, s->tgid ? s->tgid : s->tid, s->tid, who);
	if (s->vfork)
		return err_set(err, ETIMEDOUT,
			"%s: waits in vfork for %s to call exec, which did not happen "
			"within %d s; "
			"try again when it has",
			who, label(f, s->vfork, s->vfork, child), f->timeout);
	read_wchan(f, s->tid, where, sizeof(where));
	if (state == 'D')
		return err_set(err, ETIMEDOUT,
			"%s: did not stop within %d s: it sleeps uninterruptibly (state "
			"D)%s; try again "
			"when that is over, or give a longer --timeout",
			who, f->timeout, where);
	return err_set(err, ETIMEDOUT,
		"%s: did not stop within %d s (state %c%s); give a longer --timeout", who,
		f->timeout, state ? state : '?', where);
}

int blame_dead_leader(struct freezing *f, pid_t pid, struct err *err)
{
	char who[LABEL_SIZE];

	return err_set(err, ENOTSUP,
		"%s: its main thread has exited while other threads run; this is not "
		"supported",
		label(f, pid, pid, who));
}
