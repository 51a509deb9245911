// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features: freezing by cgroup, and finding who is in a tree. Freezers are
 * tried on a cgroup that is made for it, below the one that crl is in, and
 * removed again. A dump needs neither: ptrace alone stops a tree as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/features.h"
#include "crl/auto.h"
#include "crl/cgroup.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "crl/proc/cgroup.h"
#include "crl/proc/file.h"
#include "crl/proc/mountinfo.h"
#include "task/subject.h"

#define TIMEOUT_MS 2000

static bool has_word(struct proc_text list, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= list.len; i++)
		if (!memcmp(list.s + i, word, n) && (!i || list.s[i - 1] == ',') &&
			(i + n == list.len || list.s[i + n] == ','))
			return true;
	return false;
}

/* Where the hierarchy is mounted; -ENOENT when it is not. */
static int find_mount(int self, bool v2, char point[PATH_MAX], struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	struct proc_mount m;
	struct proc_text rest;
	int ret = mountinfo_read(self, &buf, &rest, err);

	while (!ret && (ret = mountinfo_next(&rest, &m, err)) > 0) {
		ret = 0;
		if (!proc_text_is(m.fstype, v2 ? "cgroup2" : "cgroup") ||
			(!v2 && !has_word(m.super, "freezer")) ||
			!proc_text_is(m.root, "/"))
			continue;
		if (proc_text_decode(m.point, PROC_ESCAPED_MOUNT, point, PATH_MAX) >= 0)
			return 0;
	}
	return ret ? ret : err_set(err, ENOENT, "not mounted");
}

/* The directory of the cgroup that crl itself is in. */
static int own_cgroup(bool v2, char path[PATH_MAX], struct err *err)
{
	auto_fd int self = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_cgroup g;
	struct proc_text rest;
	char point[PATH_MAX];
	int ret = self < 0 ? err_os(err, errno, "/proc/self")
			   : find_mount(self, v2, point, err);

	if (!ret)
		ret = cgroup_read(self, &buf, &rest, err);
	while (!ret && (ret = cgroup_next(&rest, &g, err)) > 0) {
		ret = 0;
		if (v2 ? g.hierarchy != 0 : !has_word(g.controllers, "freezer"))
			continue;
		if (snprintf(path, PATH_MAX, "%s%.*s", point, (int)g.path.len,
			    g.path.s) >= PATH_MAX)
			return err_set(err, ENAMETOOLONG, "%s", point);
		return 0;
	}
	return ret ? ret : err_set(err, ENOENT, "crl is in no cgroup of it");
}

static int move_to(const char *dir, pid_t pid, struct err *err)
{
	char file[PATH_MAX + 64], text[16];
	int n = snprintf(text, sizeof(text), "%d", pid);
	auto_fd int fd = -1;

	snprintf(file, sizeof(file), "%s/cgroup.procs", dir);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, n) != n)
		return err_os(err, errno, "write to %s", file);
	return 0;
}

static int freeze_and_thaw(const char *dir, pid_t pid, struct err *err)
{
	struct cgroup_freezer *freezer = NULL;
	int ret = move_to(dir, pid, err);

	if (!ret)
		ret = cgroup_freezer_hold(dir, TIMEOUT_MS, &freezer, err);
	cgroup_freezer_release(freezer, true);
	return ret;
}

static int try_freezer(bool v2, struct err *err)
{
	char own[PATH_MAX], dir[PATH_MAX + 32];
	struct subject s;
	int ret = own_cgroup(v2, own, err);

	if (ret)
		return ret;
	snprintf(dir, sizeof(dir), "%s/crl-check-%d", own, getpid());
	if (mkdir(dir, 0755))
		return err_os(err, errno, "make a cgroup in %s", own);
	ret = subject_start(&s, NULL, err);
	if (!ret)
		ret = freeze_and_thaw(dir, s.pid, err);
	subject_end(&s);
	rmdir(dir);
	return ret;
}

static int try_v1(struct err *err)
{
	return try_freezer(false, err);
}

static int try_v2(struct err *err)
{
	return try_freezer(true, err);
}

static int try_discovery(struct err *err)
{
	return discover_backend(NULL, err) ? 0 : -err->code;
}

const struct feature features_freeze[] = {
	{ "discovery", NEED_REQUIRED, "find who is in a tree", NULL, try_discovery },
	{ "cgroup2_freeze", NEED_USEFUL, "freeze a tree by its cgroup (version 2)",
		"Linux 5.2", try_v2 },
	{ "cgroup1_freezer", NEED_USEFUL, "freeze a tree by its cgroup (version 1)", NULL,
		try_v1 },
	{ 0 },
};
