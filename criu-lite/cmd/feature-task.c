// SPDX-License-Identifier: GPL-2.0-only
/* Features: tracing, stopping, visiting and making tasks. All is tried on children of
 * crl's own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/features.h"
#include "crl/auto.h"
#include "crl/batch.h"
#include "crl/err.h"
#include "crl/proc/records.h"
#include "crl/freeze.h"
#include "crl/proc/file.h"
#include "crl/visit.h"
#include "task/subject.h"

#define PID_TRIES 8

static int stopped_subject(struct subject *s, struct err *err)
{
	int ret = subject_start(s, NULL, err);

	return ret ? ret : subject_stop(s, 0, err);
}

static int try_ptrace(struct err *err)
{
	struct subject s;
	int ret = stopped_subject(&s, err);

	subject_end(&s);
	return ret;
}

/* ---- the batch ---- */

static int run_getppid(const struct plant *plant, pid_t pid, struct err *err)
{
	auto_free void *local = calloc(1, VISIT_SCRATCH);
	struct batch_note note[4];
	struct err second;
	struct arch_regs regs;
	struct visit v;
	struct batch b;
	int end, ret = local ? arch_regs_get(pid, &regs, err)
			     : err_os(err, ENOMEM, "batch");

	if (!ret)
		ret = visit_begin(&v, plant, pid, pid, SIGURG, &regs, false, err);
	if (ret)
		return ret;
	batch_init(&b, local, VISIT_SCRATCH, v.scratch, note, 4);
	batch_call0(&b, "getppid", SYS_getppid);
	batch_must_be(&b, getpid());
	ret = visit_run(&v, &b, err);
	if (!ret)
		ret = batch_verify(&b, err);
	end = visit_end(&v, ret ? &second : err);
	return ret ? ret : end;
}

/* The whole way of a dump: freeze, plant, run one call inside, let go. */
static int visit_frozen(pid_t pid, struct err *err)
{
	struct plant_site site[PLANT_SITES];
	struct plant plant = { .mem = -1 };
	struct frozen_tree tree = { 0 };
	unsigned sites = 0;
	char path[PROC_PATH_SIZE];
	auto_fd int proc = -1;
	struct err second;
	int ret;

	proc_path(path, "/proc/", pid, "");
	proc = open(path, O_DIRECTORY | O_CLOEXEC);
	ret = proc < 0 ? err_os(err, errno, "%s", path)
		       : freeze_tree(pid, NULL, &tree, err);
	if (!ret)
		ret = plant_sites(proc, site, &sites, err);
	if (!ret)
		ret = plant_open(&plant, pid, site, sites, err);
	if (!ret)
		ret = run_getppid(&plant, pid, err);
	plant_close(&plant);
	freeze_release(&tree, FREEZE_KILL, &second);
	frozen_tree_deinit(&tree);
	return ret;
}

static int try_batch(struct err *err)
{
	struct subject s;
	int ret = subject_start(&s, NULL, err);

	if (!ret)
		ret = visit_frozen(s.pid, err);
	subject_end(&s);
	return ret;
}

/* ---- making tasks ---- */

/* A pid that somebody had who is gone: mostly still free. */
static pid_t free_pid(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return pid;
}

static int try_set_tid(struct err *err)
{
	for (int i = 0; i < PID_TRIES; i++) {
		pid_t wanted = free_pid(), pid;
		struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND,
			.exit_signal = SIGCHLD,
			.set_tid = (uintptr_t)&wanted,
			.set_tid_size = 1 };

		if (wanted < 0)
			return err_os(err, errno, "fork");
		pid = syscall(SYS_clone3, &args, sizeof(args));
		if (!pid)
			_exit(getpid() != wanted);
		if (pid < 0 && errno == EEXIST)
			continue;
		if (pid < 0)
			return err_os(err, errno, "clone3 with set_tid%s",
				errno == EPERM ? " (needs CAP_CHECKPOINT_RESTORE)" : "");
		waitpid(pid, NULL, 0);
		return pid == wanted ? 0 : err_set(err, EIO, "clone3 gave another pid");
	}
	return err_set(err, EEXIST, "no pid stays free for a moment");
}

/* The child inherits our descriptor under its number; its copy is the same open file. */
static int take_over(pid_t pid, int number, struct err *err)
{
	auto_fd int pidfd = syscall(SYS_pidfd_open, pid, 0), theirs = -1;

	if (pidfd < 0)
		return err_os(err, errno, "pidfd_open");
	theirs = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (theirs < 0)
		return err_os(err, errno, "pidfd_getfd%s",
			errno == EPERM ? " (needs CAP_SYS_PTRACE)" : "");
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, theirs, number) > 0)
		return err_set(err, EIO, "pidfd_getfd gave another file");
	return 0;
}

static int try_pidfd_getfd(struct err *err)
{
	auto_fd int fd = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	struct subject s;
	int ret = subject_start(&s, NULL, err);

	if (!ret)
		ret = fd < 0 ? err_os(err, errno, "/proc/self")
			     : take_over(s.pid, fd, err);
	subject_end(&s);
	return ret;
}

static int try_kcmp(struct err *err)
{
	auto_fd int one = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	auto_fd int same = fcntl(one, F_DUPFD_CLOEXEC, 0);
	auto_fd int other = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	pid_t self = getpid();

	if (one < 0 || same < 0 || other < 0)
		return err_os(err, errno, "open /proc/self");
	if (syscall(SYS_kcmp, self, self, KCMP_FILE, one, same) < 0)
		return err_os(err, errno, "kcmp (CONFIG_KCMP)");
	if (syscall(SYS_kcmp, self, self, KCMP_FILE, one, same) ||
		!syscall(SYS_kcmp, self, self, KCMP_FILE, one, other))
		return err_set(err, EIO, "kcmp cannot tell open files apart");
	return 0;
}

static int try_records(struct err *err)
{
	struct task_records *records = NULL;
	int ret = task_records_read(&records, err);

	task_records_free(records);
	return ret;
}

const struct feature features_task[] = {
	{ "ptrace", NEED_REQUIRED, "stop tasks (PTRACE_SEIZE)", NULL, try_ptrace },
	{ "batch", NEED_REQUIRED, "run system calls inside a stopped task", NULL,
		try_batch },
	{ "clone3_set_tid", NEED_REQUIRED, "make tasks with the pids that they had",
		"Linux 5.5", try_set_tid },
	{ "pidfd_getfd", NEED_REQUIRED, "take over open files of tasks", "Linux 5.6",
		try_pidfd_getfd },
	{ "kcmp", NEED_REQUIRED, "tell which open files are shared", NULL, try_kcmp },
	{ "inspect_bpf", NEED_USEFUL,
		"ask the kernel, and not each thread, what threads hold", "Linux 5.8",
		try_records },
	{ 0 },
};
