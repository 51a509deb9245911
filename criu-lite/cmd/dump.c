// SPDX-License-Identifier: GPL-2.0-only
/* crl dump -t PID -D DIR: checkpoint a process tree. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/context.h"
#include "cmd/options.h"
#include "crl/err.h"
#include "dump.h"

struct dump_scripts {
	struct context *c;
	int status;
	bool failed;
};

/* A script that fails here keeps the images and lets the tree run on. */
static int post_dump(void *arg, pid_t root, struct err *err)
{
	struct dump_scripts *s = arg;
	int ret = context_scripts(s->c, "post-dump", root, &s->status, err);

	s->failed = ret;
	return ret;
}

static void show_stats(const struct dump_result *r)
{
	printf("tasks %u\nthreads %u\nfreezing time %llu us\nfrozen time %llu us\n"
	       "memory dump time %llu us\npages scanned %llu\npages written %llu\n",
		r->tasks, r->threads, (unsigned long long)r->freezing_us,
		(unsigned long long)r->frozen_us, (unsigned long long)r->memdump_us,
		(unsigned long long)r->pages_scanned,
		(unsigned long long)r->pages_written);
}

/* The system's own word for it: there may be no room elsewhere than on the disk. */
static bool no_room(const struct err *err)
{
	return (err->code == ENOSPC || err->code == EDQUOT) &&
	       strstr(err->text, strerror(err->code));
}

static int dump_in(struct context *c, const struct options *o, struct err *err)
{
	struct dump_scripts scripts = { .c = c };
	struct dump_options opt = {
		.dir = c->images,
		.dir_name = o->images_dir ? o->images_dir : ".",
		.end = o->leave_running	  ? DUMP_LEAVE_RUNNING
		       : o->leave_stopped ? DUMP_LEAVE_STOPPED
					  : DUMP_KILL,
		.freeze_cgroup = o->freeze_cgroup,
		.discover = o->discover,
		.timeout = o->timeout,
		.files = { .shell_job = o->shell_job, .ghost_limit = o->ghost_limit },
		.progress = context_progress(o),
		.log = &c->log,
		.ready = o->action_scripts ? post_dump : NULL,
		.ready_arg = &scripts,
	};
	struct dump_result result;
	int status, ret = options_pid(o, &opt.pid, err);

	if (!ret)
		ret = options_inspect(o, &opt.inspect, err);
	if (!ret)
		ret = context_scripts(c, "pre-dump", opt.pid, &status, err);
	if (!ret)
		ret = dump_tree(&opt, &result, err);
	if (ret && no_room(err))
		err_in(err, ret,
			"no room in image directory %s; make some, or pass another one "
			"with -D",
			opt.dir_name);
	if (ret && scripts.failed)
		return scripts.status;
	if (!ret && o->display_stats)
		show_stats(&result);
	return ret;
}

int cmd_dump(const struct options *o, struct err *err)
{
	struct context c;
	int ret;

	if (o->arguments)
		return err_set(err, EINVAL, "unexpected argument %s", o->argument[0]);
	ret = context_open(&c, o, err);
	if (!ret)
		ret = dump_in(&c, o, err);
	context_close(&c, ret < 0 ? err : NULL);
	return ret;
}
