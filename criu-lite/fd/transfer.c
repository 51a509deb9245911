// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptor tables, working directory and root of puppets: see transfer.h.
 * Descriptors are placed in ascending order; so the lowest free number never
 * lies above the one that is wanted next.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "crl/puppet.h"
#include "fd/fd.h"
#include "fd/restore-files.h"
#include "fd/transfer.h"
#include "snapshot/snapshot.h"

int transfer_fd(struct puppet *p, struct carrier *c, int fd)
{
	batch_call3(&p->b, "take a descriptor over", SYS_pidfd_getfd, c->number, fd, 0);
	batch_must_be(&p->b, c->lowest);
	return c->lowest;
}

void transfer_close(struct puppet *p, struct carrier *c, int there)
{
	batch_call1(&p->b, "close", SYS_close, there);
}

static int place(struct puppet *p, struct carrier *c, const struct snap_fd *want, int fd,
	struct err *err)
{
	int ret = puppet_room(p, 3, 0, err), there;

	if (ret)
		return ret;
	there = transfer_fd(p, c, fd);
	if (there != want->fd) {
		batch_call3(&p->b, "dup3", SYS_dup3, there, want->fd,
			want->cloexec ? O_CLOEXEC : 0);
		transfer_close(p, c, there);
		return 0;
	}
	if (++c->lowest == c->number)
		c->lowest++;
	if (!want->cloexec)
		batch_call3(&p->b, "F_SETFD", SYS_fcntl, there, F_SETFD, 0);
	return 0;
}

static int change_dir(struct puppet *p, struct carrier *c, struct restore_files *files,
	uint32_t id, bool root, struct err *err)
{
	int fd, there, ret = restore_files_get(files, id, &fd, err);

	if (!ret)
		ret = puppet_room(p, 4, 64, err);
	if (ret)
		return ret;
	there = transfer_fd(p, c, fd);
	batch_call1(&p->b, "fchdir", SYS_fchdir, there);
	if (root)
		batch_call1(&p->b, "chroot", SYS_chroot, batch_text(&p->b, "."));
	transfer_close(p, c, there);
	return 0;
}

static int change_dirs(struct puppet *p, struct carrier *c, struct restore_files *files,
	const struct snap_task *t, struct err *err)
{
	const FileEntry *root = restore_files_entry(files, t->root_id);
	int ret = 0;

	if (root->reg && strcmp(root->reg->name, "/"))
		ret = change_dir(p, c, files, t->root_id, true, err);
	if (!ret)
		ret = change_dir(p, c, files, t->cwd_id, false, err);
	batch_call1(&p->b, "umask", SYS_umask, t->umask);
	return ret;
}

/*
 * What a batch takes over must stay open in crl until the batch has run: the
 * files are released afterwards.
 */
static int place_all(struct puppet *p, struct carrier *c, struct restore_files *files,
	const struct snap_task *t, struct err *err)
{
	size_t done = 0;
	int ret = 0;

	for (size_t i = 0; i < t->n_fds && !ret; i++) {
		int fd;

		ret = restore_files_get(files, t->fds[i].id, &fd, err);
		if (!ret)
			ret = place(p, c, &t->fds[i], fd, err);
		if (ret)
			return err_in(err, ret, "fd %d", t->fds[i].fd);
		if (i - done < 1000)
			continue;
		ret = puppet_run(p, err);
		for (; done <= i; done++)
			restore_files_release(files, t->fds[done].id);
	}
	if (!ret)
		ret = puppet_run(p, err);
	for (; done < t->n_fds; done++)
		restore_files_release(files, t->fds[done].id);
	return ret;
}

static int attach_all(struct puppet *p, struct restore_files *files,
	const struct snap_task *t, struct err *err)
{
	for (size_t i = 0; i < t->n_fds; i++) {
		const FileEntry *e = restore_files_entry(files, t->fds[i].id);
		const struct fd_ops *ops = fd_ops_of(e->type);
		int ret = !ops->attach
				  ? 0
				  : FAULT_STEP(ATTACH, err,
					    ops->attach(files, e, p, t->fds[i].fd, err));

		if (ret)
			return err_in(err, ret, "fd %d: %s", t->fds[i].fd, ops->name);
	}
	return 0;
}

int transfer_table(struct puppet *p, struct carrier *c, struct restore_files *files,
	const struct snap_task *t, struct err *err)
{
	int ret = change_dirs(p, c, files, t, err);

	if (!ret)
		ret = place_all(p, c, files, t, err);
	restore_files_release(files, t->root_id);
	restore_files_release(files, t->cwd_id);
	return ret ? ret : attach_all(p, files, t, err);
}
