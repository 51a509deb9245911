// SPDX-License-Identifier: GPL-2.0-only
/* Files without a name: see anon.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "crl/proc/file.h"
#include "fd/anon.h"
#include "fd/fd.h"
#include "fd/owner.h"
#include "task/task.h"

#define PREFIX "anon_inode:"

bool anon_is(const struct fd_view *v, const char *name)
{
	size_t n = strlen(PREFIX);

	return !strncmp(v->link, PREFIX, n) && !strcmp(v->link + n, name);
}

int anon_fdinfo(const struct fd_view *v, struct proc_text *lines, struct err *err)
{
	struct proc_buf *buf = v->task->buf;
	struct proc_fdinfo info;
	char path[PROC_PATH_SIZE];
	int ret;

	/* Our duplicate shows the same as the task's. */
	proc_path(path, "/proc/self/fdinfo/", v->local, "");
	ret = proc_read(AT_FDCWD, path, buf, err);
	if (!ret)
		ret = fdinfo_parse(buf->data, buf->len, &info, err);
	if (!ret)
		*lines = info.rest;
	return ret;
}

int anon_params(int fd, uint32_t flags, const FownEntry *owner, struct err *err)
{
	int ret = fd_set_owner(fd, owner, err);

	if (!ret && fcntl(fd, F_SETFL, flags & (O_NONBLOCK | O_ASYNC)))
		ret = err_os(err, errno, "set its flags");
	return ret;
}
