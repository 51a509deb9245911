// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files made by memfd_create(2): not carried yet, and not to be mistaken for
 * regular files that were unlinked, whose links look the same.
 */
#include <errno.h>
#include <string.h>

#include "crl/err.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/restore-files.h"

static bool memfd_probe(const struct fd_view *v)
{
	return S_ISREG(v->st.st_mode) && !strncmp(v->link, "/memfd:", 7) &&
	       !v->st.st_nlink;
}

static int memfd_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	return fd_refuse(f, v, "files made by memfd_create are not carried yet",
		"close it before the dump");
}

static int memfd_verify(
	const struct restore_files *r, const FileEntry *e, struct err *err)
{
	return err_set(err, EOPNOTSUPP, "file %u: not restored yet", e->id);
}

static int memfd_open(
	struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	return memfd_verify(r, e, err);
}

static int memfd_check(struct err *err)
{
	return err_set(err, EOPNOTSUPP, "not carried yet");
}

const struct fd_ops memfd_ops = {
	.name = "memfd",
	.type = FD_TYPES__MEMFD,
	.probe = memfd_probe,
	.dump = memfd_dump,
	.verify = memfd_verify,
	.open = memfd_open,
	.check = memfd_check,
};
