// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which cgroup to freeze. /proc/PID/cgroup names the cgroup of a process in every
 * hierarchy, mountinfo where the hierarchies are mounted. The root cgroup cannot
 * be frozen, and a cgroup that holds anybody from outside of the tree must not
 * be: crl itself may be among them. The tree moves while it is looked at, so
 * who is in the cgroup and was not in the listing is judged by his ancestors.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/cgroup.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "crl/proc/cgroup.h"
#include "crl/proc/children.h"
#include "crl/proc/file.h"
#include "crl/proc/mountinfo.h"
#include "crl/proc/stat.h"
#include "members.h"

static int add_process(void *arg, const struct discover_task *task, struct err *err)
{
	return task->pid == task->tgid ? proc_ids_add(arg, task->pid, err) : 0;
}

static int compare(const void *left, const void *right)
{
	int a = *(const int *)left, b = *(const int *)right;

	return (a > b) - (a < b);
}

static bool among(const struct proc_ids *ids, int id)
{
	return ids->n && bsearch(&id, ids->v, ids->n, sizeof(*ids->v), compare);
}

static void sort(struct proc_ids *ids)
{
	if (ids->n)
		qsort(ids->v, ids->n, sizeof(*ids->v), compare);
}

/* 0, or -ENOENT or -ESRCH when it is not there. */
static int read_stat(pid_t pid, struct proc_stat *stat)
{
	PROC_BUF_AUTO buf = { 0 };
	char path[PROC_PATH_SIZE];
	struct err scratch;
	int ret;

	proc_path(path, "/proc/", (unsigned int)pid, "/stat");
	ret = proc_read(AT_FDCWD, path, &buf, &scratch);
	return ret ? ret : stat_parse(buf.data, buf.len, stat, &scratch);
}

/* Is pid outside of the tree for sure? One that has ended is nobody. */
static bool is_stranger(pid_t pid, pid_t root)
{
	struct proc_stat stat;

	while (pid != root) {
		if (pid <= 1)
			return true;
		if (read_stat(pid, &stat))
			return false;
		pid = stat.ppid;
	}
	return false;
}

static int check_members(const struct proc_ids *members, const struct proc_ids *tree,
	pid_t root, struct err *err)
{
	for (size_t i = 0; i < members->n; i++) {
		pid_t pid = members->v[i];
		struct proc_stat stat = { .comm = "?" };

		if (among(tree, pid) || !is_stranger(pid, root))
			continue;
		read_stat(pid, &stat);
		return err_set(err, EBUSY,
			"pid %d (%s) is in it too, but is not below pid %d; freezing it "
			"would stop "
			"a stranger",
			pid, stat.comm, root);
	}
	return 0;
}

int cgroup_freezer_check(const char *path, pid_t root,
	const struct discover_backend *backend, bool whole, struct err *err)
{
	PROC_IDS_AUTO members = { 0 };
	PROC_IDS_AUTO tree = { 0 };
	int ret = backend->list(root, DISCOVER_IDS, add_process, &tree, err);

	if (!ret)
		ret = members_list(path, &members, err);
	if (ret)
		return ret;
	sort(&tree);
	sort(&members);
	ret = check_members(&members, &tree, root, err);
	for (size_t i = 0; !ret && whole && i < tree.n; i++)
		if (!among(&members, tree.v[i]))
			ret = err_set(
				err, EBUSY, "pid %d of the tree is not in it", tree.v[i]);
	return ret;
}

static bool has_word(struct proc_text list, const char *word)
{
	size_t len = strlen(word);
	const char *p = list.s, *end = list.s + list.len;

	while (p < end) {
		const char *comma = memchr(p, ',', end - p);
		size_t n = (comma ? comma : end) - p;

		if (n == len && !memcmp(p, word, len))
			return true;
		p += n + 1;
	}
	return false;
}

/* Where the hierarchy is mounted, and which of its cgroups is the root there. */
static int find_mount(bool v2, char point[PATH_MAX], char root[PATH_MAX], struct err *err)
{
	auto_fd int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_mount mount;
	struct proc_text rest;
	int ret = self < 0 ? err_os(err, errno, "/proc/self")
			   : mountinfo_read(self, &buf, &rest, err);

	while (!ret) {
		ret = mountinfo_next(&rest, &mount, err);
		if (ret <= 0)
			return ret;
		ret = 0;
		if (!proc_text_is(mount.fstype, v2 ? "cgroup2" : "cgroup"))
			continue;
		if (!v2 && !has_word(mount.super, "freezer"))
			continue;
		if (proc_text_decode(mount.point, PROC_ESCAPED_MOUNT, point, PATH_MAX) >=
				0 &&
			proc_text_decode(
				mount.root, PROC_ESCAPED_MOUNT, root, PATH_MAX) >= 0)
			return 1;
	}
	return ret;
}

/* The directory of cgroup "path": 1, 0 when it cannot be seen from here, or -errno. */
static int find_dir(bool v2, struct proc_text path, char out[PATH_MAX], struct err *err)
{
	char point[PATH_MAX], root[PATH_MAX];
	size_t skip;
	int ret = find_mount(v2, point, root, err);

	if (ret <= 0)
		return ret;
	skip = strcmp(root, "/") ? strlen(root) : 0;
	if (path.len <= skip || memcmp(path.s, root, skip) || path.s[skip] != '/')
		return 0;
	if (snprintf(out, PATH_MAX, "%s%.*s", point, (int)(path.len - skip),
		    path.s + skip) >= PATH_MAX)
		return 0;
	return !access(out, F_OK);
}

static bool usable(const char *dir, bool v2)
{
	char file[PATH_MAX + 32];

	snprintf(
		file, sizeof(file), "%s/%s", dir, v2 ? "cgroup.freeze" : "freezer.state");
	return !access(file, W_OK);
}

int cgroup_freezer_find(pid_t root, const struct discover_backend *backend,
	char path[PATH_MAX], struct err *err)
{
	char name[PROC_PATH_SIZE];
	PROC_BUF_AUTO buf = { 0 };
	struct proc_cgroup group;
	struct proc_text rest;
	auto_fd int dir = -1;
	int ret;

	proc_path(name, "/proc/", (unsigned int)root, "");
	dir = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = dir < 0 ? err_os(err, errno, "%s", name)
		      : cgroup_read(dir, &buf, &rest, err);
	while (!ret && (ret = cgroup_next(&rest, &group, err)) > 0) {
		bool v2 = group.hierarchy == 0;

		ret = 0;
		if (proc_text_is(group.path, "/") ||
			(!v2 && !has_word(group.controllers, "freezer")))
			continue;
		ret = find_dir(v2, group.path, path, err);
		if (ret > 0 && usable(path, v2) &&
			!cgroup_freezer_check(path, root, backend, true, err))
			return 1;
		if (ret > 0)
			ret = 0;
	}
	return ret;
}
