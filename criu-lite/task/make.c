// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making tasks. The first is a fork of crl, seized with PTRACE_O_EXITKILL; all
 * others are made by puppets, with clone3(2), set_tid for the pid (Linux 5.5,
 * CAP_CHECKPOINT_RESTORE) and CLONE_PTRACE: they are ours from birth, with the
 * same option. A maker makes all its children in one batch.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/file.h"
#include "crl/proc/stat.h"
#include "fd/transfer.h"
#include "task/cast.h"

#define CARRIER_MIN  64
#define BATCH_BIRTHS 500

int cast_init(struct cast *c, const struct snapshot *snap, const struct family *family,
	struct restore_files *files, struct mem_restore *mem, struct err *err)
{
	size_t n = snap->tasks + family->helpers;
	PROC_BUF_AUTO buf = { 0 };
	int ret;

	*c = (struct cast){ .snap = snap,
		.family = family,
		.files = files,
		.mem = mem,
		.self_pidfd = -1,
		.lifeline = -1 };
	arena_init(&c->core_arena);
	arena_init(&c->arena);
	xstate_layout_read(&c->layout);
	c->actor = calloc(n, sizeof(*c->actor));
	if (!c->actor)
		return err_os(err, ENOMEM, "tasks");
	for (size_t i = 0; i < n; i++)
		c->actor[i].memory = -1;
	ret = sched_own_cpus(&c->cpus, err);
	if (!ret)
		ret = proc_read(-1, "/proc/self/status", &buf, err);
	return ret ? ret : status_parse(buf.data, buf.len, &c->own, err);
}

void cast_kill(struct cast *c)
{
	size_t n = c->snap->tasks + c->family->helpers;

	for (size_t i = 0; c->actor && i < n; i++)
		if (c->actor[i].born && !c->actor[i].dead)
			kill(c->actor[i].p.pid, SIGKILL);
	for (size_t i = 0; c->actor && i < n; i++) {
		if (!c->actor[i].born || c->actor[i].dead)
			continue;
		for (unsigned k = i < c->snap->tasks ? c->snap->task[i].n_threads : 1;
			k-- > 0;) {
			pid_t tid = i < c->snap->tasks ? c->snap->task[i].threads[k].tid
						       : c->actor[i].p.pid;
			int status;

			while (waitpid(tid, &status, __WALL) > 0 && WIFSTOPPED(status))
				;
		}
		c->actor[i].dead = true;
	}
	/* What became our child when its parent died. */
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}

void cast_deinit(struct cast *c)
{
	struct err ignored;

	if (c->cpus.bytes)
		sched_spread(0, NULL, &c->cpus, NULL, &ignored);
	stage_close(&c->stage);
	arena_deinit(&c->core_arena);
	arena_deinit(&c->arena);
	status_deinit(&c->own);
	free(c->actor);
	c->actor = NULL;
	if (c->self_pidfd >= 0)
		close(c->self_pidfd);
	if (c->lifeline >= 0)
		close(c->lifeline);
}

static int say_zombie(const struct proc_stat *st, struct err *err)
{
	char path[32];
	PROC_BUF_AUTO buf = { 0 };
	struct proc_stat parent;
	struct err ignored;
	auto_fd int dir = -1;

	snprintf(path, sizeof(path), "/proc/%d", st->ppid);
	dir = open(path, O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || stat_read(dir, &buf, &parent, &ignored))
		parent.comm[0] = '\0';
	return err_set(err, EEXIST,
		"pid %d is in use: process %d (%s), a zombie, has it until its parent, "
		"process %d (%s), "
		"collects it; have the parent do so, or end it",
		st->pid, st->pid, st->comm, st->ppid, parent.comm);
}

static int say_holder(
	pid_t pid, const struct proc_stat *st, const char *as, struct err *err)
{
	if (st->pid == pid && st->state == 'Z' && st->num_threads <= 1)
		return say_zombie(st, err);
	return err_set(err, EEXIST,
		"pid %d is in use: process %d (%s) has it %s; wait for that process to "
		"end, or "
		"restore in a new pid namespace",
		pid, st->pid, st->comm, as);
}

/* Who has a pid, as process, thread, group or session. */
static int name_holder(pid_t pid, struct err *err)
{
	DIR *proc = opendir("/proc");
	PROC_BUF_AUTO buf = { 0 };
	struct proc_stat st;
	struct dirent *e;
	struct err ignored;

	while (proc && (e = readdir(proc))) {
		auto_fd int dir =
			e->d_name[0] >= '1' && e->d_name[0] <= '9'
				? openat(dirfd(proc), e->d_name, O_DIRECTORY | O_CLOEXEC)
				: -1;
		char task[32];
		const char *as = NULL;

		if (dir < 0 || stat_read(dir, &buf, &st, &ignored))
			continue;
		snprintf(task, sizeof(task), "task/%d", pid);
		if (st.pid == pid)
			as = "as its pid";
		else if (!faccessat(dir, task, F_OK, 0))
			as = "as one of its threads";
		else if (st.pgrp == pid)
			as = "as its process group";
		else if (st.session == pid)
			as = "as its session";
		if (!as)
			continue;
		closedir(proc);
		return say_holder(pid, &st, as, err);
	}
	if (proc)
		closedir(proc);
	return err_set(err, EEXIST, "pid %d is in use", pid);
}

int cast_check_pids(const struct cast *c, struct err *err)
{
	for (size_t i = 0; i < c->snap->tasks; i++)
		for (unsigned k = 0; k < c->snap->task[i].n_threads; k++)
			if (!kill(c->snap->task[i].threads[k].tid, 0) || errno != ESRCH)
				return name_holder(c->snap->task[i].threads[k].tid, err);
	for (size_t i = 0; i < c->family->helpers; i++)
		if (!kill(c->family->helper[i].pid, 0) || errno != ESRCH)
			return name_holder(c->family->helper[i].pid, err);
	return 0;
}

/* Where the stage goes: a place that no task has mapped, and we have not either. */
static int open_stage(struct cast *c, struct err *err)
{
	uint64_t base;

	for (unsigned n = 0; (base = snapshot_hole(c->snap, n)); n++) {
		int ret = stage_open(&c->stage, base, err);

		if (!ret) {
			c->mem->stage = &c->stage;
			c->mem->parking = base + SNAPSHOT_HOLE_SIZE / 2;
			return 0;
		}
		stage_close(&c->stage);
		if (ret != -EEXIST)
			return ret;
	}
	return err_set(err, ENOSPC, "no address is free in all tasks of the dump");
}

static int fd_cmp(const void *a, const void *b)
{
	return ((const struct snap_fd *)a)->fd - ((const struct snap_fd *)b)->fd;
}

static bool number_used(const struct snapshot *s, int number)
{
	const struct snap_fd key = { .fd = number };

	for (size_t i = 0; i < s->tasks && number <= s->max_fd; i++)
		if (bsearch(&key, s->task[i].fds, s->task[i].n_fds, sizeof(key), fd_cmp))
			return true;
	return false;
}

/* The number of the carrier lies above all descriptors of the tree, or in a gap that all
 * have. */
static int open_carrier(struct cast *c, struct err *err)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if ((rlim_t)c->snap->max_fd >= limit.rlim_cur)
		return err_set(err, EMFILE,
			"descriptor %d is needed, and the hard limit of crl is %llu; "
			"raise it (ulimit -n)",
			c->snap->max_fd, (unsigned long long)limit.rlim_cur);
	c->carrier =
		c->snap->max_fd + 1 < CARRIER_MIN ? CARRIER_MIN : c->snap->max_fd + 1;
	while ((rlim_t)c->carrier >= limit.rlim_cur || number_used(c->snap, c->carrier))
		if (--c->carrier == 0)
			return err_set(err, EMFILE,
				"every descriptor number is used by some task");
	c->self_pidfd = FAULT(CARRIER) ? -1 : syscall(SYS_pidfd_open, getpid(), 0);
	return c->self_pidfd < 0 ? err_os(err, errno, "pidfd_open") : 0;
}

/*
 * The root, until we direct it: waits for us, and ends when we do. As long as it has
 * our end of the lifeline, which it inherits, it would wait for ever.
 */
static __attribute__((noreturn)) void root_wait(int lifeline, int our_end)
{
	char byte;

	syscall(SYS_close, our_end);
	while (syscall(SYS_read, lifeline, &byte, 1) < 0)
		;
	for (;;)
		syscall(SYS_exit_group, 1);
}

static int fork_root(struct cast *c, int lifeline, struct err *err)
{
	pid_t pid = c->snap->task[0].pid, made;
	struct clone_args args = {
		.flags = CLONE_CLEAR_SIGHAND | (c->sibling ? CLONE_PARENT : 0),
		.exit_signal = c->sibling ? 0 : SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};

	made = FAULT(ROOT_MAKE) ? -1 : syscall(SYS_clone3, &args, sizeof(args));
	if (made < 0 && errno == EEXIST)
		return name_holder(pid, err);
	if (made < 0)
		return err_os(err, errno, "make pid %d%s", pid,
			errno == EPERM ? " (needs CAP_CHECKPOINT_RESTORE)" : "");
	if (!made)
		root_wait(lifeline, c->lifeline);
	return 0;
}

/* What a fork of crl has that a task of the tree must not: library state, descriptors. */
static void strip_root(struct cast *c, struct puppet *p)
{
	struct batch *b = &p->b;

	if (__rseq_size)
		batch_call4(b, "rseq", SYS_rseq,
			(uintptr_t)__builtin_thread_pointer() + __rseq_offset, 32, 1,
			RSEQ_SIG);
	batch_call2(b, "set_robust_list", SYS_set_robust_list, 0, 24);
	batch_call1(b, "set_tid_address", SYS_set_tid_address, 0);
	batch_call3(b, "dup3", SYS_dup3, c->self_pidfd, c->carrier, O_CLOEXEC);
	batch_call3(b, "close_range", SYS_close_range, 0, c->carrier - 1, 0);
	batch_call3(b, "close_range", SYS_close_range, c->carrier + 1, ~0u, 0);
}

static int seize_root(struct cast *c, struct err *err)
{
	struct actor *root = &c->actor[0];
	pid_t pid = c->snap->task[0].pid;

	root->born = true;
	puppet_init(&root->p, &c->stage, 0, pid, pid);
	if (FAULT(ROOT_SEIZE) || ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL) ||
		ptrace(PTRACE_INTERRUPT, pid, 0, 0))
		return err_os(err, errno, "trace the new root, pid %d", pid);
	return puppet_born(pid, err);
}

static int make_root(struct cast *c, struct err *err)
{
	auto_fd int wait_end = -1;
	int line[2], ret;

	if (FAULT(ROOT_LINE) || pipe2(line, O_CLOEXEC))
		return err_os(err, errno, "pipe");
	wait_end = line[0];
	c->lifeline = line[1];
	ret = fork_root(c, wait_end, err);
	if (!ret)
		ret = seize_root(c, err);
	if (ret)
		return ret;
	strip_root(c, &c->actor[0].p);
	return puppet_run(&c->actor[0].p, err);
}

static void add_birth(struct cast *c, struct puppet *p, pid_t pid, uint64_t flags)
{
	struct clone_args args = {
		.flags = flags | CLONE_PTRACE | CLONE_CLEAR_SIGHAND,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
		.set_tid = batch_in(&p->b, &pid, sizeof(pid)),
		.set_tid_size = 1,
	};

	batch_call2(&p->b, "clone3", SYS_clone3, batch_in(&p->b, &args, sizeof(args)),
		sizeof(args));
	batch_must_be(&p->b, pid);
}

static bool is_birth(enum family_verb verb)
{
	return verb == FAMILY_BEAR || verb == FAMILY_ADOPT || verb == FAMILY_HELPER;
}

static int receive(struct cast *c, unsigned child, unsigned maker, struct err *err)
{
	struct actor *a = &c->actor[child];
	pid_t pid = family_pid(c->family, child);

	a->born = true;
	a->memory = c->actor[maker].memory;
	puppet_init(&a->p, &c->stage, 0, pid, pid);
	return puppet_born(pid, err);
}

/* All births of one maker that follow each other, in one batch. */
static int make_children(struct cast *c, size_t *i, struct err *err)
{
	const struct family *f = c->family;
	unsigned maker = f->step[*i].who;
	struct puppet *p = &c->actor[maker].p;
	size_t first = *i, n = 0;
	int ret;

	for (; *i < f->steps && n < BATCH_BIRTHS && f->step[*i].who == maker &&
		is_birth(f->step[*i].verb);
		(*i)++, n++)
		add_birth(c, p, family_pid(f, f->step[*i].child),
			f->step[*i].verb == FAMILY_ADOPT ? CLONE_PARENT : 0);
	ret = puppet_run(p, err);
	for (size_t k = first; k < *i; k++) {
		struct err second;
		bool made =
			batch_ret(&p->b, k - first) == family_pid(f, f->step[k].child);
		int one = made ? receive(c, f->step[k].child, maker, ret ? &second : err)
			       : 0;

		ret = ret ? ret : one;
	}
	for (size_t k = first; k < *i && ret == -EEXIST; k++)
		if (batch_ret(&p->b, k - first) == -EEXIST)
			return name_holder(family_pid(f, f->step[k].child), err);
	return ret ? err_in(err, ret, "pid %d: make its children", p->pid) : 0;
}

static int give_memory(struct cast *c, unsigned who, struct err *err)
{
	struct actor *a = &c->actor[who];
	struct carrier carrier = { .number = c->carrier };
	const struct snap_task *from = a->memory < 0 ? NULL : &c->snap->task[a->memory];
	int ret =
		mem_restore_task(c->mem, &a->p, &carrier, &c->snap->task[who], from, err);

	a->memory = who;
	a->settled = true;
	return ret ? err_in(err, ret, "pid %d: memory", a->p.pid) : 0;
}

static int dismiss(struct cast *c, unsigned who, unsigned parent, struct err *err)
{
	struct puppet *p = &c->actor[who].p, *by = &c->actor[parent].p;
	int status, ret;

	batch_call1(&p->b, "exit_group", SYS_exit_group, 0);
	ret = puppet_start(p, err);
	if (ret)
		return ret;
	if (waitpid(p->pid, &status, __WALL) != p->pid || WIFSTOPPED(status))
		return err_set(err, ESRCH, "helper %d did not end", p->pid);
	c->actor[who].dead = true;
	batch_call4(&by->b, "wait4", SYS_wait4, p->pid, 0, __WALL, 0);
	batch_must_be(&by->b, p->pid);
	return puppet_run(by, err);
}

static int one_call(struct cast *c, const struct family_step *s, struct err *err)
{
	struct puppet *p = &c->actor[s->who].p;
	int ret;

	if (s->verb == FAMILY_SETSID)
		batch_call0(&p->b, "setsid", SYS_setsid);
	else if (s->verb == FAMILY_SETPGID)
		batch_call2(&p->b, "setpgid", SYS_setpgid, 0, s->number);
	else
		batch_call2(&p->b, "PR_SET_CHILD_SUBREAPER", SYS_prctl,
			PR_SET_CHILD_SUBREAPER, s->number);
	ret = puppet_run(p, err);
	return ret ? err_in(err, ret, "pid %d", p->pid) : 0;
}

int cast_make(struct cast *c, struct err *err)
{
	const struct family *f = c->family;
	int ret = open_carrier(c, err);

	sched_stay_here();

	if (!ret)
		ret = open_stage(c, err);
	if (!ret)
		ret = make_root(c, err);
	for (size_t i = 0; i < f->steps && !ret;) {
		const struct family_step *s = &f->step[i];

		if (is_birth(s->verb)) {
			ret = make_children(c, &i, err);
			continue;
		}
		if (s->verb == FAMILY_MEMORY)
			ret = give_memory(c, s->who, err);
		else if (s->verb == FAMILY_DISMISS)
			ret = dismiss(c, s->who, s->child, err);
		else
			ret = one_call(c, s, err);
		i++;
	}
	return ret;
}
