// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Looking at a tree from its leaves to its root.
 *
 * A listing from the root down can miss somebody who runs: a child that was born
 * while its parent was being seized is nobody's tracee. When it ends during a
 * listing, before its parent is looked at, its own children go up to a subreaper
 * or to init, which have been looked at already.
 *
 * Orphans only go up. So let everybody be asked for his children before those above
 * him are. Somebody unknown then shows himself, or ends first, and in that case all
 * that he leaves is there when its new parent is asked; the root comes last. The order
 * of meeting is from the root down, whatever has happened since: an ancestor was met
 * before whoever was found through it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "back.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "crl/proc/children.h"
#include "freezing.h"
#include "seize.h"

#define TASK_DIR_LINKS 2 /* of a task directory without the threads */

static bool gone(int ret)
{
	return ret == -ENOENT || ret == -ESRCH;
}

static int meet(struct freezing *f, pid_t pid, pid_t tgid, struct err *err)
{
	const struct discover_task task = { .pid = pid, .tgid = tgid };

	return seize_meet(f, &task, err);
}

static int list_threads(
	struct freezing *f, pid_t pid, struct proc_ids *tids, struct err *err)
{
	char path[PROC_PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "%d/task", pid);
	if (fstatat(f->proc, path, &st, 0))
		return -errno;
	if (st.st_nlink == TASK_DIR_LINKS + 1)
		return proc_ids_add(tids, pid, err);
	return proc_list_dir(f->proc, path, &f->buf, tids, err);
}

static int meet_children(struct freezing *f, pid_t pid, pid_t tid, struct err *err)
{
	PROC_IDS_AUTO ids = { 0 };
	char path[PROC_PATH_SIZE];
	int ret;

	snprintf(path, sizeof(path), "%d/task/%d/children", pid, tid);
	ret = proc_read(f->proc, path, &f->buf, err);
	if (!ret)
		ret = children_parse(f->buf.data, f->buf.len, &ids, err);
	for (size_t i = 0; !ret && i < ids.n; i++)
		ret = meet(f, ids.v[i], ids.v[i], err);
	return gone(ret) ? 0 : ret;
}

static int look_at(struct freezing *f, pid_t pid, struct err *err)
{
	PROC_IDS_AUTO tids = { 0 };
	int ret = list_threads(f, pid, &tids, err);

	if (gone(ret))
		return 0;
	for (size_t i = 0; !ret && i < tids.n; i++)
		if (tids.v[i] != pid)
			ret = meet(f, tids.v[i], pid, err);
	for (size_t i = 0; !ret && i < tids.n; i++)
		ret = meet_children(f, pid, tids.v[i], err);
	return ret;
}

/*
 * Held by us, or there a moment ago, like a leader that is dead before its threads:
 * the id of somebody who was gone already may be a stranger's now.
 */
static bool in_tree(const struct freezing *f, const struct seized *s)
{
	if (s->state == SEIZED_NOT)
		return s->pass + 1 >= f->pass;
	return s->state != SEIZED_ZOMBIE;
}

int look_back(struct freezing *f, struct err *err)
{
	int ret = 0;

	for (size_t i = f->set.n; i-- > 0 && !ret;) {
		const struct seized *s = &f->set.v[i];

		if (s->tid == s->tgid && in_tree(f, s))
			ret = look_at(f, s->tid, err);
	}
	return ret ? ret : meet(f, f->root, f->root, err);
}
