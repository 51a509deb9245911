// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of a dump:
 *
 *   begin     a private directory inside the image directory
 *   freeze    every thread of the tree stopped under ptrace
 *   tasks     each task's images (task/crew.c); obstacles are collected
 *   tree      what belongs to all: pstree, files, shared memory, filters
 *   commit    checksums, inventory, sync, rename; only now it is a dump
 *   let go    kill, or continue
 *
 * Whatever fails before the last step undoes all: the tree runs on as it was
 * found, and nothing is left in the directory. The same is true when crl is
 * killed, except that a private directory may be left, which the next dump
 * into that directory removes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/freeze.h"
#include "crl/log.h"
#include "crl/proc/pagemap.h"
#include "dump.h"
#include "image/dir.h"
#include "image/frame.h"
#include "image/inventory.h"
#include "image/sums.h"
#include "interrupt.h"
#include "mem/pages.h"
#include "mem/shmem.h"
#include "progress.h"
#include "proto/inventory.pb-c.h"
#include "proto/pstree.pb-c.h"
#include "proto/stats.pb-c.h"
#include "proto/timens.pb-c.h"
#include "snapshot/obstacles.h"
#include "task/ask.h"
#include "task/crew.h"
#include "task/dump-task.h"
#include "task/ids.h"
#include "task/session.h"
#include "version.h"

#define THREADS_MAX 4

struct dump {
	const struct dump_options *opt;
	struct image_dir dir;
	struct frozen_tree tree;
	struct sums *sums;
	struct arena arena; /* lasts as long as the dump */
	struct obstacles *obstacles;
	struct files files;
	struct shmem shmem;
	struct ids ids;
	struct asker asker;
	struct task_writer writer; /* what each thread begins with */
	struct page_writer pages;
	struct pagemap_caps caps;
	struct progress progress;
	struct image_writer pipes, fifos, queues, out;
	uint64_t start_us, frozen_us, tasks_us;
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

/* Each memfd and each segment of shared memory stays open until it is written. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int dump_open(struct dump *d, bool contents, struct err *err)
{
	struct files_out out = { .dir = d->dir.fd,
		.sums = d->sums,
		.pipes = &d->pipes,
		.fifos = &d->fifos,
		.queues = &d->queues,
		.shmem = &d->shmem };
	int ret = image_writer_start(&d->pipes, IMAGE_PIPES_DATA, 0, err);

	if (!ret)
		ret = image_writer_start(&d->fifos, IMAGE_FIFO_DATA, 0, err);
	if (!ret)
		ret = image_writer_start(&d->queues, IMAGE_SK_QUEUES, 0, err);
	if (ret)
		return ret;
	files_init(&d->files, &d->opt->files, &out, d->obstacles, d->opt->log);
	ids_init(&d->ids, &d->arena);
	d->pages = (struct page_writer){ .dir = d->dir.fd,
		.sums = d->sums,
		.caps = &d->caps,
		.progress = &d->progress,
		.threads = worker_threads() };
	shmem_init(&d->shmem);
	d->writer = (struct task_writer){ .dir = d->dir.fd,
		.sums = d->sums,
		.files = &d->files,
		.shmem = &d->shmem,
		.pages = contents ? &d->pages : NULL,
		.obstacles = d->obstacles };
	d->asker = (struct asker){ .dir = d->dir.fd,
		.sums = d->sums,
		.obstacles = d->obstacles,
		.log = d->opt->log,
		.ids = &d->ids };
	return asker_init(&d->asker, &d->arena, err);
}

static void dump_close(struct dump *d)
{
	asker_deinit(&d->asker);
	files_deinit(&d->files);
	shmem_deinit(&d->shmem);
	ids_deinit(&d->ids);
	image_writer_deinit(&d->pipes);
	image_writer_deinit(&d->fifos);
	image_writer_deinit(&d->queues);
	image_writer_deinit(&d->out);
	frozen_tree_deinit(&d->tree);
	sums_free(d->sums);
	arena_deinit(&d->arena);
}

static int dump_freeze(struct dump *d, struct err *err)
{
	const struct freeze_options opt = {
		.timeout = d->opt->timeout,
		.freeze_cgroup = d->opt->freeze_cgroup,
		.discover = d->opt->discover,
		.log = d->opt->log,
	};
	int ret;

	d->start_us = now_us();
	ret = freeze_tree(d->opt->pid, &opt, &d->tree, err);
	d->frozen_us = now_us();
	if (!ret)
		log_info(d->opt->log, "%zu tasks, %zu threads frozen in %llu us",
			d->tree.n_tasks, d->tree.n_threads,
			(unsigned long long)(d->frozen_us - d->start_us));
	return ret;
}

static int dump_tasks(struct dump *d, struct err *err)
{
	int ret =
		known_init(&d->asker.known, &d->tree, d->opt->inspect, d->opt->log, err);

	session_check(&d->tree, d->opt->files.shell_job, d->obstacles);
	if (!ret)
		ret = crew_dump(&d->asker, &d->writer, &d->tree, worker_threads(), err);
	d->tasks_us = now_us();
	return ret;
}

static int finish(struct dump *d, struct image_writer *w, struct err *err)
{
	return sums_finish_image(d->sums, w, d->dir.fd, err);
}

static int dump_pstree(struct dump *d, struct err *err)
{
	int ret = image_writer_start(&d->out, IMAGE_PSTREE, 0, err);

	for (size_t i = 0; i < d->tree.n_tasks && !ret; i++) {
		const struct frozen_task *ft = &d->tree.tasks[i];
		PstreeEntry e = PSTREE_ENTRY__INIT;
		size_t n = ft->n_threads ? ft->n_threads : 1;
		uint32_t *tids = arena_alloc(&d->arena, n * sizeof(*tids));

		tids[0] = ft->pid;
		for (size_t k = 0; k < ft->n_threads; k++)
			tids[k] = ft->threads[k].tid;
		e.pid = ft->pid;
		e.ppid = ft->parent < 0 ? 0 : ft->ppid;
		e.pgid = ft->pgid;
		e.sid = ft->sid;
		e.n_threads = n;
		e.threads = tids;
		ret = image_writer_record(&d->out, &e.base, err);
	}
	return ret ? ret : finish(d, &d->out, err);
}

static int dump_record(struct dump *d, enum image_kind kind, const ProtobufCMessage *msg,
	struct err *err)
{
	int ret = image_writer_start(&d->out, kind, 0, err);

	if (!ret)
		ret = image_writer_record(&d->out, msg, err);
	return ret ? ret : finish(d, &d->out, err);
}

static int dump_clocks(struct dump *d, struct err *err)
{
	TimensEntry e = TIMENS_ENTRY__INIT;
	Timespec mono = TIMESPEC__INIT, boot = TIMESPEC__INIT;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	mono.tv_sec = ts.tv_sec;
	mono.tv_nsec = ts.tv_nsec;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	boot.tv_sec = ts.tv_sec;
	boot.tv_nsec = ts.tv_nsec;
	e.monotonic = &mono;
	e.boottime = &boot;
	return dump_record(d, IMAGE_TIMENS, &e.base, err);
}

static int dump_stats(struct dump *d, struct err *err)
{
	StatsEntry e = STATS_ENTRY__INIT;
	DumpStatsEntry s = DUMP_STATS_ENTRY__INIT;

	s.freezing_time = d->frozen_us - d->start_us;
	s.frozen_time = now_us() - d->frozen_us;
	s.memdump_time = d->tasks_us - d->frozen_us;
	s.pages_scanned = d->pages.pages_scanned;
	s.pages_written = d->pages.pages_written;
	e.dump = &s;
	return dump_record(d, IMAGE_STATS_DUMP, &e.base, err);
}

/* What belongs to the tree as a whole. */
static int dump_common(struct dump *d, struct err *err)
{
	int ret = files_write(&d->files, &d->out, err);

	obstacles_sort(d->obstacles);
	if (!ret)
		ret = obstacles_result(d->obstacles, err);
	if (!ret)
		ret = finish(d, &d->pipes, err);
	if (!ret)
		ret = finish(d, &d->fifos, err);
	if (!ret)
		ret = finish(d, &d->queues, err);
	if (!ret)
		ret = shmem_write(&d->shmem, &d->pages, &d->out, err);
	if (!ret)
		ret = dump_pstree(d, err);
	if (!ret)
		ret = dump_record(d, IMAGE_SECCOMP, &d->asker.seccomp.entry.base, err);
	if (!ret)
		ret = dump_clocks(d, err);
	return ret ? ret : dump_stats(d, err);
}

static void run_id(char text[37])
{
	int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, 36);

	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

static int dump_commit(struct dump *d, struct err *err)
{
	InventoryEntry inv = INVENTORY_ENTRY__INIT;
	TaskKobjIdsEntry own = TASK_KOBJ_IDS_ENTRY__INIT;
	PluginsEntry plugins = PLUGINS_ENTRY__INIT;
	char id[37];
	uint64_t hash;
	int ret = interrupt_check(err);

	if (!ret)
		ret = sums_write(d->sums, d->dir.fd, &hash, err);
	if (ret)
		return ret;
	ids_own(&own);
	run_id(id);
	inv.img_version = IMAGE_VERSION;
	inv.has_fdinfo_per_id = inv.fdinfo_per_id = true;
	inv.has_ns_per_id = inv.ns_per_id = true;
	inv.root_ids = &own;
	inv.has_root_cg_set = true;
	inv.root_cg_set = 1;
	inv.has_lsmtype = inv.has_network_lock_method = true;
	inv.plugins_entry = &plugins;
	inv.dump_criu_run_id = id;
	ret = inventory_write(&inv, d->dir.fd, hash, "crl " CRL_VERSION, err);
	if (!ret)
		ret = image_dir_commit(&d->dir, err);
	return ret;
}

static int dump_frozen(struct dump *d, struct err *err)
{
	int ret = dump_tasks(d, err);

	if (!ret)
		ret = dump_common(d, err);
	if (!ret)
		ret = dump_commit(d, err);
	if (!ret && d->opt->ready)
		ret = d->opt->ready(d->opt->ready_arg, d->opt->pid, err);
	return ret;
}

static enum freeze_end release_how(const struct dump_options *opt, int ret)
{
	if (ret || opt->end == DUMP_LEAVE_RUNNING)
		return FREEZE_RUN;
	return opt->end == DUMP_LEAVE_STOPPED ? FREEZE_STOP : FREEZE_KILL;
}

static void dump_result(const struct dump *d, struct dump_result *r)
{
	*r = (struct dump_result){
		.tasks = d->tree.n_tasks,
		.threads = d->tree.n_threads,
		.pages_written = d->pages.pages_written,
		.pages_scanned = d->pages.pages_scanned,
		.freezing_us = d->frozen_us - d->start_us,
		.frozen_us = now_us() - d->frozen_us,
		.memdump_us = d->tasks_us - d->frozen_us,
	};
}

static int dump_run(struct dump *d, bool check, struct err *err)
{
	struct err second;
	int end, ret;

	interrupt_hold(1);
	arena_init(&d->arena);
	allow_descriptors();
	progress_init(&d->progress, d->opt->progress, "dump");
	d->sums = sums_new();
	if (!d->sums)
		return err_os(err, ENOMEM, "sums");
	ret = image_dir_begin(&d->dir, d->opt->dir, err);
	if (ret)
		return err_in(err, ret, "image directory %s", d->opt->dir_name);
	ret = dump_open(d, !check, err);
	if (!ret)
		ret = dump_freeze(d, err);
	if (ret) {
		image_dir_abort(&d->dir);
		return ret;
	}
	if (check) {
		ret = dump_tasks(d, err);
		if (!ret)
			ret = files_write(&d->files, &d->out, err);
		obstacles_sort(d->obstacles);
	} else {
		ret = dump_frozen(d, err);
	}
	progress_end(&d->progress);
	end = freeze_release(&d->tree, check ? FREEZE_RUN : release_how(d->opt, ret),
		ret ? &second : err);
	image_dir_abort(&d->dir);
	return ret ? ret : end;
}

int dump_tree(const struct dump_options *opt, struct dump_result *result, struct err *err)
{
	struct obstacles obstacles;
	struct dump d = {
		.opt = opt, .obstacles = &obstacles, .dir = { .target = -1, .fd = -1 }
	};
	int ret;

	obstacles_init(&obstacles);
	ret = dump_run(&d, false, err);
	if (ret != -EINTR)
		interrupt_hold(0);
	dump_result(&d, result);
	dump_close(&d);
	obstacles_deinit(&obstacles);
	return ret;
}

int dump_check(
	const struct dump_options *opt, struct obstacles *obstacles, struct err *err)
{
	struct dump d = {
		.opt = opt, .obstacles = obstacles, .dir = { .target = -1, .fd = -1 }
	};
	int ret = dump_run(&d, true, err);

	dump_close(&d);
	return ret;
}
