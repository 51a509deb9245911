// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl check -t PID: would a dump of this tree work? The tree is frozen, looked
 * at like for a dump, and runs on; what a dump would write goes to a private
 * directory that is removed. Contents of memory are not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/check.h"
#include "cmd/context.h"
#include "cmd/json.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "dump.h"
#include "snapshot/obstacles.h"

struct scratch {
	char path[PATH_MAX];
	int fd;
};

static int scratch_open(struct scratch *s, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	s->fd = -1;
	if (snprintf(s->path, sizeof(s->path), "%s/crl-check-XXXXXX",
		    tmp && *tmp ? tmp : "/tmp") >= (int)sizeof(s->path))
		return err_set(err, ENAMETOOLONG, "TMPDIR");
	if (!mkdtemp(s->path))
		return err_os(err, errno, "make a directory %s", s->path);
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->fd >= 0)
		return 0;
	err_os(err, errno, "%s", s->path);
	rmdir(s->path);
	return -err->code;
}

static void scratch_close(struct scratch *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	rmdir(s->path);
}

static int look(struct context *c, const struct options *o, pid_t pid,
	struct obstacles *found, struct err *err)
{
	struct scratch scratch;
	struct dump_options opt = {
		.pid = pid,
		.freeze_cgroup = o->freeze_cgroup,
		.discover = o->discover,
		.timeout = o->timeout,
		.files = { .shell_job = o->shell_job, .ghost_limit = o->ghost_limit },
		.log = &c->log,
	};
	int ret = options_inspect(o, &opt.inspect, err);

	if (!ret)
		ret = scratch_open(&scratch, err);
	if (ret)
		return ret;
	opt.dir = scratch.fd;
	opt.dir_name = scratch.path;
	ret = dump_check(&opt, found, err);
	scratch_close(&scratch);
	return ret;
}

static void print_text(pid_t pid, const struct obstacles *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct obstacle *x = &found->list[i];

		printf("pid %d (", x->pid);
		print_name(stdout, x->comm);
		printf(") ");
		print_name(stdout, x->what);
		printf("; ");
		print_name(stdout, x->remedy);
		putchar('\n');
	}
	if (!found->count)
		printf("pid %d: nothing stands in the way of a dump\n", pid);
}

static void print_json(pid_t pid, const struct obstacles *found, const char *error)
{
	struct json j = { .out = stdout };

	json_object(&j, NULL);
	json_signed(&j, "pid", pid);
	json_bool(&j, "ok", !error && !found->count);
	json_array(&j, "obstacles", false);
	for (size_t i = 0; i < found->count; i++) {
		json_object(&j, NULL);
		json_signed(&j, "pid", found->list[i].pid);
		json_text(&j, "comm", found->list[i].comm);
		json_text(&j, "what", found->list[i].what);
		json_text(&j, "remedy", found->list[i].remedy);
		json_object_end(&j);
	}
	json_array_end(&j);
	if (error)
		json_text(&j, "error", error);
	json_object_end(&j);
}

static int check_in(struct context *c, const struct options *o, struct err *err)
{
	struct obstacles found;
	pid_t pid;
	int ret = options_pid(o, &pid, err);

	if (ret)
		return ret;
	obstacles_init(&found);
	ret = look(c, o, pid, &found, err);
	if (o->json)
		print_json(pid, &found, ret ? err->text : NULL);
	else if (!ret || found.count)
		print_text(pid, &found);
	if (!ret)
		ret = found.count ? 1 : 0;
	obstacles_deinit(&found);
	return ret;
}

int check_tree(const struct options *o, struct err *err)
{
	struct context c;
	int ret = context_open(&c, o, err);

	if (!ret)
		ret = check_in(&c, o, err);
	context_close(&c, ret < 0 ? err : NULL);
	return ret;
}
