// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The order of a freeze.
 *
 *	pass 1		list the tree; seize and interrupt each thread when met
 *	settle		wait until all of them stand
 *	pass 2, 3 ...	the same again, for those who were born meanwhile; where procfs is
 *			read, every second pass goes from the leaves to the root (back.c)
 *	verify		all stand, and stood since before the last pass began
 *
 * Who was seized has its newborns seized with it, so a second pass usually finds
 * nobody, and proves that nobody runs. It has to list again: what an unseized
 * thread forked with CLONE_PARENT, or leaves to a subreaper when it dies, turns
 * up below tasks that stood already. A pass proves it only if nothing at all
 * happened during the pass, and if everybody is found standing behind it: a
 * thread in a ptrace-stop can be removed, by SIGKILL or by exec of another thread,
 * but then it is no longer our tracee in a stop.
 *
 * With a freezer cgroup around the tree nobody moves from before the first pass;
 * it is thawed as soon as all are seized, and they run into our stop before any
 * code of their own.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "back.h"
#include "blame.h"
#include "crl/auto.h"
#include "crl/cgroup.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/freeze.h"
#include "crl/log.h"
#include "crl/proc/file.h"
#include "freezing.h"
#include "seize.h"
#include "tick.h"
#include "tree.h"

#define SECOND_NS 1000000000LL
#define LARGE	  256 /* threads from which the iterator pays */
#define PERIOD_NS 5000000L

/* Where nobody else moves, a leader that stays dead so long is not merely in exec. */
#define HEADLESS_PASSES 5

static size_t threads_of(const struct freezing *f, pid_t pid)
{
	char path[PROC_PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "%d/task", pid);
	return fstatat(f->proc, path, &st, 0) ? 0 : st.st_nlink;
}

static bool use_iterator(struct freezing *f)
{
	struct err err;

	if (f->iterator == ITERATOR_UNTRIED &&
		(f->set.n >= LARGE || threads_of(f, f->root) >= LARGE)) {
		f->iterator = discover_bpf_open(&err);
		if (f->iterator < 0) {
			log_debug(f->log, "listing by BPF: %s", err.text);
			f->iterator = ITERATOR_NONE;
		}
	}
	return f->iterator >= 0;
}

/*
 * Meet everybody. A large tree is listed by the iterator over all tasks of the
 * machine, where that works and nobody asked for another way.
 */
static int list_tree(
	struct freezing *f, const struct discover_backend *backend, struct err *err)
{
	if (use_iterator(f))
		return discover_bpf_list(f->iterator, f->root, seize_meet, f, err);
	return backend->list(f->root, DISCOVER_IDS, seize_meet, f, err);
}

/* One more look at the whole tree; f->changed says whether that was news. */
static int look_again(struct freezing *f, const struct discover_backend *backend,
	struct cgroup_freezer *cgroup, bool back, struct err *err)
{
	int ret;

	f->pass++;
	f->changed = false;
	f->headless = 0;
	ret = FAULT_STEP(
		FREEZE_LIST, err, back ? look_back(f, err) : list_tree(f, backend, err));
	if (!ret && cgroup) {
		f->refrigerated = false;
		ret = cgroup_freezer_thaw(cgroup, err);
	}
	if (!ret)
		ret = FAULT_STEP(FREEZE_SETTLE, err, seize_settle(f, err));
	if (!ret && !f->changed)
		seize_drop_unseen(f);
	return ret;
}

static int root_ended(const struct freezing *f, struct err *err)
{
	return err_set(err, ESRCH, "pid %d ended while it was being frozen", f->root);
}

static int hand_out(struct freezing *f, struct frozen_tree *tree, struct err *err)
{
	int ret = tree_build(f, tree, err);

	if (!ret && tree->tasks[0].state == FROZEN_ZOMBIE) {
		frozen_tree_deinit(tree);
		return root_ended(f, err);
	}
	if (!ret && f->died)
		seize_free_strays();
	return ret;
}

/*
 * The iterator visits tasks by ascending pid, so that newborns come after their parents;
 * files of procfs prove something only from the leaves to the root.
 */
static bool proves(const struct freezing *f, bool back)
{
	return back || f->iterator >= 0;
}

static int freeze_all(struct freezing *f, const struct discover_backend *backend,
	struct cgroup_freezer *cgroup, struct frozen_tree *tree, struct err *err)
{
	for (bool back = false;; back = !back && f->iterator < 0) {
		int ret = look_again(f, backend, cgroup, back, err);

		if (ret)
			return ret == -ESRCH ? root_ended(f, err) : ret;
		/* Threads that are being killed, as by exit_group(2), do not verify:
		 * their leader may be dead a little before them. */
		if (proves(f, back) && !f->changed && !FAULT(FREEZE_VERIFY) &&
			seize_verify(f)) {
			if (f->headless && ++f->headless_passes == HEADLESS_PASSES)
				return blame_dead_leader(f, f->headless, err);
			ret = f->headless ? TREE_CHANGED : hand_out(f, tree, err);
			if (ret != TREE_CHANGED)
				return ret;
		}
		if (freezing_now() > f->deadline)
			return err_set(err, ETIMEDOUT,
				"the tree of pid %d still changes after %d s (%zu "
				"threads met); name a "
				"--freeze-cgroup or give a longer --timeout",
				f->root, f->timeout, f->set.n);
	}
}

/* After a failure: a cgroup that was found frozen closes on them before we let go. */
static void back_out(struct freezing *f, struct cgroup_freezer *cgroup)
{
	struct err scratch;

	if (cgroup && cgroup_freezer_was_frozen(cgroup)) {
		cgroup_freezer_thaw(cgroup, &scratch);
		f->deadline = freezing_now() + SECOND_NS;
		seize_settle(f, &scratch);
	}
	cgroup_freezer_release(cgroup, true);
	seize_undo(f);
}

/* 0 with *out NULL when there is no cgroup to use. */
static int enter_cgroup(struct freezing *f, const char *asked,
	const struct discover_backend *backend, struct cgroup_freezer **out,
	struct err *err)
{
	char found[PATH_MAX];
	const char *path = asked;
	int ret;

	if (asked) {
		ret = cgroup_freezer_check(asked, f->root, backend, false, err);
	} else {
		ret = cgroup_freezer_find(f->root, backend, found, err);
		if (ret <= 0)
			return ret;
		path = found;
		ret = 0;
	}
	if (!ret)
		ret = cgroup_freezer_hold(path, f->timeout * 500, out, err);
	if (ret == -ETIMEDOUT) {
		log_warn(f->log, "%s; going on without it", err->text);
		return 0;
	}
	if (ret)
		return err_in(err, ret, "cgroup %s", path);
	f->refrigerated = cgroup_freezer_version(*out) == 1;
	log_debug(f->log, "cgroup %s is frozen", path);
	return 0;
}

static int freeze_in_cgroup(struct freezing *f, const struct freeze_options *opt,
	const struct discover_backend *backend, struct frozen_tree *tree, struct err *err)
{
	struct cgroup_freezer *cgroup = NULL;
	struct tick tick = { 0 };
	int ret = enter_cgroup(f, opt->freeze_cgroup, backend, &cgroup, err);

	if (!ret)
		ret = tick_start(&tick, PERIOD_NS, seize_tick, f, err);
	if (!ret)
		ret = freeze_all(f, backend, cgroup, tree, err);
	if (ret) {
		back_out(f, cgroup);
	} else if (cgroup && cgroup_freezer_was_frozen(cgroup)) {
		tree->cgroup = cgroup;
	} else {
		cgroup_freezer_release(cgroup, true);
	}
	tick_stop(&tick);
	return ret;
}

int freeze_tree(pid_t root, const struct freeze_options *opt, struct frozen_tree *tree,
	struct err *err)
{
	static const struct freeze_options defaults;
	auto_fd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct discover_backend *backend;
	struct freezing f = { .root = root, .proc = proc };
	int ret;

	*tree = (struct frozen_tree){ 0 };
	if (proc < 0)
		return err_os(err, errno, "/proc");
	opt = opt ? opt : &defaults;
	f.iterator = opt->discover ? ITERATOR_NONE : ITERATOR_UNTRIED;
	f.log = opt->log;
	f.timeout = opt->timeout > 0 ? opt->timeout : FREEZE_TIMEOUT;
	f.deadline = freezing_now() + f.timeout * SECOND_NS;
	backend = discover_backend(opt->discover, err);
	ret = backend ? blame_root(&f, err) : -err->code;
	if (!ret)
		ret = freeze_in_cgroup(&f, opt, backend, tree, err);
	if (!ret)
		log_info(f.log, "froze %zu processes, %zu threads in %u passes",
			tree->n_tasks, tree->n_threads, f.pass);
	if (f.iterator >= 0)
		close(f.iterator);
	proc_buf_deinit(&f.buf);
	set_deinit(&f.set);
	return ret;
}
