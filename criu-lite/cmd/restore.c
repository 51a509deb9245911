// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl restore -D DIR: bring a process tree back. Without -d crl stays as the
 * parent of the root and returns its exit status.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/context.h"
#include "cmd/options.h"
#include "crl/err.h"
#include "restore.h"

static int made(void *arg, pid_t root, struct err *err)
{
	const struct context *c = arg;
	struct err ignored;
	int status, ret = context_scripts(c, "post-restore", root, &status, err);

	if (!ret)
		ret = context_pidfile(c, root, err);
	if (!ret && context_scripts(c, "pre-resume", root, &status, &ignored))
		log_warn(&c->log, "%s", ignored.text);
	return ret;
}

static void resumed(void *arg, pid_t root)
{
	const struct context *c = arg;
	struct err err;
	int status;

	if (context_scripts(c, "post-resume", root, &status, &err))
		log_warn(&c->log, "%s", err.text);
	context_status_ready(c);
}

/* Wait for the root; orphans of the tree come to us as well. */
static int wait_for(pid_t root)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);

		if (pid == root)
			return WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
		if (pid < 0 && errno != EINTR)
			return 1;
	}
}

static int after(struct context *c, const struct options *o,
	const struct restore_result *r, struct err *err)
{
	if (o->dry_run)
		return 0;
	if (o->display_stats)
		printf("tasks %u\nthreads %u\nload time %llu us\nrestore time %llu us\n"
		       "pages restored %llu\npages compared %llu\npages skipped (shared) "
		       "%llu\n",
			r->tasks, r->threads, (unsigned long long)r->load_us,
			(unsigned long long)r->restore_us,
			(unsigned long long)r->pages_restored,
			(unsigned long long)r->pages_compared,
			(unsigned long long)r->pages_skipped);
	if (o->has_exec_cmd) {
		execvp(o->exec_cmd[0], o->exec_cmd);
		return err_os(err, errno, "run %s", o->exec_cmd[0]);
	}
	return o->restore_detached ? 0 : wait_for(r->root);
}

static int restore_in(struct context *c, const struct options *o, struct err *err)
{
	struct restore_options opt = {
		.dir = c->images,
		.shell_job = o->shell_job,
		.sibling = o->restore_sibling,
		.leave_stopped = o->leave_stopped,
		.dry_run = o->dry_run,
		.progress = context_progress(o),
		.files = { .shell_job = o->shell_job,
			.skip_file_rwx_check = o->skip_file_rwx_check,
			.size_only = o->file_validation &&
				     !strcmp(o->file_validation, "filesize") },
		.log = &c->log,
		.made = made,
		.resumed = resumed,
		.arg = c,
	};
	struct restore_result result;
	int status, ret = context_scripts(c, "pre-restore", 0, &status, err);

	if (!ret)
		ret = restore_tree(&opt, &result, err);
	return ret ? ret : after(c, o, &result, err);
}

static int judge_options(const struct options *o, struct err *err)
{
	if (o->arguments)
		return err_set(err, EINVAL, "unexpected argument %s", o->argument[0]);
	if (o->restore_sibling && !o->restore_detached)
		return err_set(err, EINVAL, "--restore-sibling needs --restore-detached");
	if (o->has_exec_cmd && o->restore_detached)
		return err_set(err, EINVAL,
			"--exec-cmd and --restore-detached exclude each other");
	if (o->has_exec_cmd && (!o->exec_cmd || !o->exec_cmd[0]))
		return err_set(err, EINVAL, "--exec-cmd needs a command after --");
	if (o->file_validation && strcmp(o->file_validation, "filesize") &&
		strcmp(o->file_validation, "buildid"))
		return err_set(err, EINVAL, "--file-validation is buildid or filesize");
	return 0;
}

int cmd_restore(const struct options *o, struct err *err)
{
	struct context c;
	int ret = judge_options(o, err);

	if (ret)
		return ret;
	ret = context_open(&c, o, err);
	if (!ret)
		ret = restore_in(&c, o, err);
	context_close(&c, ret < 0 ? err : NULL);
	return ret;
}
