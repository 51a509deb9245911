// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that are opened by a path: regular files, directories, device nodes of
 * memory (/dev/null and its kin), O_PATH descriptors. The image has path,
 * flags, position, and for a later check size, mode and build id; contents are
 * not in it, except for files without a name (ghost.c).
 *
 * Restore opens the path with the same access mode and flags and seeks. The
 * size of a regular file must be what it was, since a program has read or
 * mapped it; a file that only grows (O_APPEND, write-only) is not compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "fd/build-id.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/ghost.h"
#include "fd/reg.h"
#include "fd/restore-files.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

#define DELETED	  " (deleted)"
#define MEM_MAJOR 1
#define OPEN_FLAGS                                                                       \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | O_SYNC | O_ASYNC | O_DIRECT |     \
		O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_PATH)

static bool reg_probe(const struct fd_view *v)
{
	if (v->link[0] != '/')
		return false;
	return S_ISREG(v->st.st_mode) || S_ISDIR(v->st.st_mode) || (v->flags & O_PATH) ||
	       (S_ISCHR(v->st.st_mode) && major(v->st.st_rdev) == MEM_MAJOR);
}

static int refuse_path(struct files *f, struct dump_task *t, const struct reg_source *src,
	const char *what, const char *remedy)
{
	obstacles_add(f->obstacles, t->pid, t->stat.comm, remedy, "%s (%s): %s",
		src->through, src->name, what);
	return FD_REFUSED;
}

static bool reg_sized(const struct stat *st, uint32_t flags)
{
	return S_ISREG(st->st_mode) &&
	       !((flags & O_ACCMODE) == O_WRONLY && (flags & O_APPEND));
}

/* Does the name lead to the very file that is open? */
static bool name_leads_to(const char *name, const struct stat *st)
{
	struct stat now;

	return !lstat(name, &now) && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

static bool strip_deleted(char *name)
{
	size_t n = strlen(name), d = strlen(DELETED);

	if (n <= d || strcmp(name + n - d, DELETED))
		return false;
	name[n - d] = '\0';
	return true;
}

static int describe_nameless(struct files *f, struct dump_task *t,
	const struct reg_source *src, FileEntry *e, char *name, struct err *err)
{
	bool deleted = strip_deleted(name);

	e->reg->name = name;
	if (deleted && src->st->st_nlink == 0)
		return ghost_dump(f, t, src, e, err);
	if (deleted)
		return refuse_path(f, t, src,
			"its name was removed, but it has other names",
			"give it its old name back, or close it");
	return refuse_path(f, t, src, "another file is under its name now",
		"restore the original file under that name, or close it");
}

int reg_describe(struct files *f, struct dump_task *t, const struct reg_source *src,
	FileEntry *e, struct err *err)
{
	char *name = arena_text(&f->arena, src->name);
	RegFileEntry *reg = arena_msg(&f->arena, RegFileEntry, reg_file_entry);

	e->reg = reg;
	reg->id = e->id;
	reg->name = name;
	reg->fown = arena_msg(&f->arena, FownEntry, fown_entry);
	reg->has_mode = true;
	reg->mode = src->st->st_mode;
	if (S_ISREG(src->st->st_mode)) {
		reg->has_size = true;
		reg->size = src->st->st_size;
	}
	if (name[0] != '/')
		return refuse_path(f, t, src,
			"it is outside of the file system root of crl",
			"run crl in the same mount namespace and root");
	if (src->build_id && S_ISREG(src->st->st_mode))
		build_id_take(f, t, src->through, reg);
	if (!name_leads_to(name, src->st))
		return describe_nameless(f, t, src, e, name, err);
	return 0;
}

static int reg_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	char through[32];
	int ret;

	snprintf(through, sizeof(through), "fd/%d", v->fd);
	ret = reg_describe(f, v->task,
		&(struct reg_source){ .through = through, .name = v->link, .st = &v->st },
		e, err);
	if (ret)
		return ret;
	e->reg->flags = v->flags & OPEN_FLAGS;
	e->reg->pos = v->pos;
	e->reg->fown = v->fown;
	if (!reg_sized(&v->st, v->flags))
		e->reg->has_size = false;
	return 0;
}

static int verify_file(const RegFileEntry *reg, const struct stat *st, struct err *err)
{
	if (reg->has_mode && (reg->mode & S_IFMT) != (st->st_mode & S_IFMT))
		return err_set(err, EINVAL,
			"%s: it is of another type now; bring back what it was",
			reg->name);
	if (reg->has_mode && (reg->mode & 07777) != (st->st_mode & 07777))
		return err_set(err, EINVAL,
			"%s: its permissions are %03o now and were %03o; restore them, "
			"or pass "
			"--skip-file-rwx-check",
			reg->name, st->st_mode & 07777, reg->mode & 07777);
	if (reg->has_size && reg->size != (uint64_t)st->st_size)
		return err_set(err, EINVAL,
			"%s: it has %llu bytes now and had %llu; bring back the file as "
			"it was",
			reg->name, (unsigned long long)st->st_size,
			(unsigned long long)reg->size);
	return 0;
}

static int verify_entry(const FileEntry *e, struct err *err)
{
	const RegFileEntry *reg = e->reg;

	if (!reg || reg->id != e->id || reg->name[0] != '/')
		return err_set(err, EINVAL, "file %u: no path", e->id);
	if (reg->ext)
		return err_set(err, EOPNOTSUPP, "%s: an external file, pass --inherit-fd",
			reg->name);
	return 0;
}

int reg_verify_path(const struct restore_files *r, const FileEntry *e, struct stat *st,
	struct err *err)
{
	const RegFileEntry *reg = e->reg;
	RegFileEntry loose;
	int ret = verify_entry(e, err);

	if (ret)
		return ret;
	if (stat(reg->name, st))
		return err_set(err, errno,
			"%s: it was open or mapped, and is not to be had (%s); bring it "
			"back",
			reg->name, strerror(errno));
	loose = *reg;
	if (r->opt->skip_file_rwx_check)
		loose.mode = (loose.mode & S_IFMT) | (st->st_mode & 07777);
	return verify_file(&loose, st, err);
}

/* What cannot have been dumped as such is not opened: that might wait, or do something.
 */
static bool openable(const RegFileEntry *reg, const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || (reg->flags & O_PATH) ||
	       (S_ISCHR(st->st_mode) && major(st->st_rdev) == MEM_MAJOR);
}

static int reg_verify(const struct restore_files *r, const FileEntry *e, struct err *err)
{
	struct stat st;
	int ret;

	if (restore_files_ghost(r, e->id))
		return verify_entry(e, err);
	ret = reg_verify_path(r, e, &st, err);
	if (ret)
		return ret;
	if (!openable(e->reg, &st))
		return err_set(err, EINVAL, "%s: it is no regular file", e->reg->name);
	return r->opt->size_only || !S_ISREG(st.st_mode) ? 0
							 : build_id_verify(e->reg, err);
}

static int reg_finish_open(const RegFileEntry *reg, int fd, struct err *err)
{
	struct f_owner_ex owner;

	if (!(reg->flags & O_PATH) && reg->pos && reg->pos != UINT64_MAX &&
		lseek(fd, reg->pos, SEEK_SET) < 0)
		return err_os(err, errno, "%s: seek to %llu", reg->name,
			(unsigned long long)reg->pos);
	if (!reg->fown || !reg->fown->pid)
		return 0;
	owner = (struct f_owner_ex){ .type = reg->fown->pid_type, .pid = reg->fown->pid };
	if (fcntl(fd, F_SETSIG, reg->fown->signum) || fcntl(fd, F_SETOWN_EX, &owner))
		return err_os(err, errno, "%s: set its owner", reg->name);
	return 0;
}

static int reg_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	const RegFileEntry *reg = e->reg;
	const struct ghost_file *ghost = restore_files_ghost(r, e->id);
	int flags = (reg->flags & OPEN_FLAGS) | O_CLOEXEC | O_NOCTTY;
	auto_fd int new = -1;
	int ret;

	if (restore_files_want_write(r, e->id))
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	if (ghost)
		new = ghost_open(r, ghost, flags, err);
	else
		new = open(reg->name, flags);
	if (new < 0)
		return ghost ? new : err_os(err, errno, "%s: open", reg->name);
	ret = reg_finish_open(reg, new, err);
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

static void reg_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "%s at %lld", e->reg->name, (long long)e->reg->pos);
}

const struct fd_ops reg_ops = {
	.name = "file",
	.type = FD_TYPES__REG,
	.probe = reg_probe,
	.dump = reg_dump,
	.finish = ghost_finish,
	.verify = reg_verify,
	.open = reg_open,
	.show = reg_show,
};
