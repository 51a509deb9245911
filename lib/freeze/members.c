// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * cgroup.procs of a cgroup names its own processes only; freezing takes those of
 * the cgroups below it too, so these are walked as well. What is removed during
 * the walk had no members.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/children.h"
#include "crl/proc/file.h"
#include "members.h"

#define DEPTH_MAX 64

static int add_procs(int dir, struct proc_ids *out, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	int ret = proc_read(dir, "cgroup.procs", &buf, err);

	if (ret)
		return ret;
	/* The same numbers as in a children file, with another white space. */
	return children_parse(buf.data, buf.len, out, err);
}

/* Takes dir over. */
static int walk(int dir, int depth, struct proc_ids *out, struct err *err)
{
	DIR *list = fdopendir(dir);
	struct dirent *entry;
	int ret;

	if (!list) {
		ret = err_os(err, errno, "list cgroup");
		close(dir);
		return ret;
	}
	ret = add_procs(dir, out, err);
	while (!ret && (entry = readdir(list))) {
		int below;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		below = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0 && errno == ENOENT)
			continue;
		if (below < 0)
			ret = err_os(err, errno, "%s", entry->d_name);
		else if (depth == DEPTH_MAX)
			ret = err_set(err, ELOOP, "more than %d cgroups deep", DEPTH_MAX);
		else
			ret = walk(below, depth + 1, out, err);
	}
	closedir(list);
	return ret;
}

int members_list(const char *path, struct proc_ids *out, struct err *err)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_os(err, errno, "open");
	return walk(dir, 0, out, err);
}
