// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of a restore:
 *
 *   load      every image is read and judged (snapshot/); nothing exists yet
 *   plan      who makes whom (task/family.c)
 *   share     what several tasks share is made in crl: shared memory; files
 *             when the first task needs them
 *   make      all tasks, with their pids, sessions and groups
 *   revive    memory, files, threads, attributes, task by task
 *   finish    registers and masks
 *   release   all run
 *
 * Until the last step every task is traced with PTRACE_O_EXITKILL: when
 * something fails, or crl is killed, nothing is left.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "crl/log.h"
#include "fd/tty-restore.h"
#include "mem/restore.h"
#include "progress.h"
#include "restore.h"
#include "snapshot/snapshot.h"
#include "task/cast.h"
#include "task/family.h"

#define THREADS_MAX 4

struct restoring {
	const struct restore_options *opt;
	struct restore_files files;
	struct snapshot snap;
	struct family family;
	struct mem_restore mem;
	struct cast cast;
	struct progress progress;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ull + ts.tv_nsec / 1000;
}

static unsigned worker_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

static int load_and_plan(struct restoring *r, struct err *err)
{
	const struct snapshot_options opt = { .shell_job = r->opt->shell_job,
		.verify_threads = worker_threads() };
	int ret;

	r->files.opt = &r->opt->files;
	ret = snapshot_load(&r->snap, r->opt->dir, &r->files, &opt, r->opt->log, err);
	return ret ? ret
		   : FAULT_STEP(PLAN, err,
			     family_plan(&r->family, &r->snap, &r->snap.arena, err));
}

static void expect_pages(struct restoring *r)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < r->snap.tasks; i++)
		pages += r->snap.task[i].pages.bytes / 4096;
	progress_expect(&r->progress, pages);
}

static int make_all(struct restoring *r, struct err *err)
{
	int ret;

	if (FAULT(SUBREAPER) || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return err_os(err, errno, "become a subreaper");
	expect_pages(r);
	r->mem = (struct mem_restore){
		.snap = &r->snap, .files = &r->files, .progress = &r->progress
	};
	ret = mem_restore_init(&r->mem, err);
	if (!ret)
		ret = cast_init(&r->cast, &r->snap, &r->family, &r->files, &r->mem, err);
	if (!ret)
		ret = FAULT_STEP(PIDS, err, cast_check_pids(&r->cast, err));
	if (!ret)
		ret = mem_restore_shared(&r->mem, err);
	r->cast.sibling = r->opt->sibling;
	if (!ret)
		ret = cast_make(&r->cast, err);
	if (!ret)
		ret = cast_revive(&r->cast, err);
	if (!ret)
		ret = cast_finish(&r->cast, err);
	if (!ret)
		ret = FAULT_STEP(SETTLE, err, restore_files_settle(&r->files, err));
	return ret;
}

static int resume_all(struct restoring *r, struct err *err)
{
	pid_t root = r->snap.task[0].pid;
	int ret = !r->opt->made
			  ? 0
			  : FAULT_STEP(MADE, err, r->opt->made(r->opt->arg, root, err));

	restore_files_clean(&r->files);
	if (!ret)
		ret = cast_release(&r->cast, r->opt->leave_stopped, err);
	if (!ret)
		tty_keep(&r->files);
	if (!ret && r->opt->resumed)
		r->opt->resumed(r->opt->arg, root);
	return ret;
}

static void result_of(const struct restoring *r, struct restore_result *result)
{
	result->root = r->snap.tasks ? r->snap.task[0].pid : 0;
	result->tasks = r->snap.tasks;
	result->threads = r->snap.threads;
	result->pages_restored = r->mem.pages_restored;
	result->pages_compared = r->mem.pages_compared;
	result->pages_skipped = r->mem.pages_skipped;
}

int restore_tree(
	const struct restore_options *opt, struct restore_result *result, struct err *err)
{
	struct restoring r = { .opt = opt };
	uint64_t start = now_us(), loaded;
	int ret;

	progress_init(&r.progress, opt->progress, "restore");
	ret = load_and_plan(&r, err);
	loaded = now_us();
	if (!ret && opt->dry_run) {
		family_print(&r.family, stdout);
	} else if (!ret) {
		ret = make_all(&r, err);
		if (!ret)
			ret = resume_all(&r, err);
		if (ret && r.cast.actor)
			cast_kill(&r.cast);
	}
	progress_end(&r.progress);
	result_of(&r, result);
	result->load_us = loaded - start;
	result->restore_us = now_us() - start;
	log_info(opt->log, "%u tasks: loaded in %llu us, restored in %llu us",
		result->tasks, (unsigned long long)result->load_us,
		(unsigned long long)result->restore_us);
	if (r.cast.actor)
		cast_deinit(&r.cast);
	if (r.mem.segment)
		mem_restore_deinit(&r.mem);
	restore_files_deinit(&r.files);
	snapshot_deinit(&r.snap);
	return ret;
}
