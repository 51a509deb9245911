// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl show DIR [TASK|IMAGE]: what is in a dump. Needs no privilege, and nothing
 * that the dump refers to: it may come from another machine or program.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/json.h"
#include "cmd/options.h"
#include "cmd/show.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "snapshot/look.h"

static bool is_pid(const char *text, pid_t *pid)
{
	char *end;
	long n = strtol(text, &end, 10);

	*pid = n;
	return text[0] >= '0' && text[0] <= '9' && !*end && n <= INT_MAX;
}

static int show_in(struct look *l, const char *dir, const char *what, struct json *j,
	struct err *err)
{
	pid_t pid;

	if (!what)
		return show_tree(l, dir, j, err);
	if (is_pid(what, &pid))
		return show_task(l, pid, j, err);
	return show_image(l, what, j, err);
}

/* -D DIR is taken as well, as with the other commands. */
static int judge(
	const struct options *o, const char **dir, const char **what, struct err *err)
{
	unsigned used = 0;

	*dir = o->images_dir;
	if (!*dir)
		*dir = o->argument[used++];
	*what = o->argument[used++];
	if (!*dir)
		return err_set(err, EINVAL, "which dump? pass its directory");
	if (o->arguments > used)
		return err_set(err, EINVAL, "unexpected argument %s", o->argument[used]);
	return 0;
}

int cmd_show(const struct options *o, struct err *err)
{
	struct json j = { .out = stdout };
	const char *dir, *what;
	auto_fd int fd = -1;
	struct look l;
	int ret = judge(o, &dir, &what, err);

	if (ret)
		return ret;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_os(err, errno, "%s", dir);
	ret = look_open(&l, fd, err);
	if (!ret)
		ret = show_in(&l, dir, what, o->json ? &j : NULL, err);
	look_close(&l);
	if (ret)
		return err_in(err, ret, "%s", dir);
	if (fflush(stdout) || ferror(stdout))
		return err_os(err, errno, "write to the standard output");
	return 0;
}
