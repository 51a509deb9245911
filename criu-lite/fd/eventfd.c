// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds: a counter, and whether it is read as a semaphore (EFD_SEMAPHORE).
 * fdinfo has both; the second since Linux 6.5. On older kernels nothing tells it
 * that would not change the counter, so there a semaphore comes back as a plain
 * counter. In the image it is the lowest bit of the flags.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "crl/proc/file.h"
#include "fd/anon.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/restore-files.h"
#include "feature.h"

static bool eventfd_probe(const struct fd_view *v)
{
	return anon_is(v, "[eventfd]");
}

static int eventfd_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	struct proc_text lines;
	struct fdinfo_line line;
	uint64_t semaphore = 0;
	bool found = false;
	int ret = anon_fdinfo(v, &lines, err);

	if (ret)
		return ret;
	e->efd = arena_msg(&f->arena, EventfdFileEntry, eventfd_file_entry);
	while (fdinfo_next(&lines, &line))
		if (proc_text_is(line.key, "eventfd-count"))
			found = fdinfo_number(line.value, NULL, 16, &e->efd->counter);
		else if (proc_text_is(line.key, "eventfd-semaphore"))
			fdinfo_number(line.value, NULL, 10, &semaphore);
	if (!found)
		return err_set(err, EIO, "fdinfo has no counter");
	if (e->efd->counter == UINT64_MAX)
		return fd_refuse(
			f, v, "its counter has overflowed", "read it before the dump");
	e->efd->id = e->id;
	e->efd->flags = v->flags | (semaphore ? EFD_SEMAPHORE : 0);
	e->efd->fown = v->fown;
	return 0;
}

static int eventfd_verify(
	const struct restore_files *r, const FileEntry *e, struct err *err)
{
	if (!e->efd || e->efd->id != e->id || e->efd->counter == UINT64_MAX)
		return err_set(err, EINVAL, "file %u: no eventfd", e->id);
	return 0;
}

static int eventfd_open(
	struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	const EventfdFileEntry *efd = e->efd;
	auto_fd int new =
		eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | (efd->flags & EFD_SEMAPHORE));
	int ret;

	if (new < 0)
		return err_os(err, errno, "make it");
	/* eventfd() itself takes 32 bits only */
	if (efd->counter && write(new, &efd->counter, sizeof(efd->counter)) < 0)
		return err_os(err, errno, "set its counter");
	ret = anon_params(new, efd->flags, efd->fown, err);
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

static void eventfd_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "eventfd%s at %llu",
		e->efd->flags & EFD_SEMAPHORE ? " (semaphore)" : "",
		(unsigned long long)e->efd->counter);
}

static int eventfd_check(struct err *err)
{
	auto_fd int fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
	PROC_BUF_AUTO buf = { 0 };
	char path[PROC_PATH_SIZE];
	int ret;

	if (fd < 0)
		return err_os(err, errno, "make one");
	proc_path(path, "/proc/self/fdinfo/", fd, "");
	ret = proc_read(AT_FDCWD, path, &buf, err);
	if (ret || strstr(buf.data, "eventfd-semaphore:"))
		return ret;
	return feature_limited(err,
		"a semaphore cannot be told from a counter and becomes one "
		"(since Linux 6.5)");
}

const struct fd_ops eventfd_ops = {
	.name = "eventfd",
	.type = FD_TYPES__EVENTFD,
	.probe = eventfd_probe,
	.dump = eventfd_dump,
	.verify = eventfd_verify,
	.open = eventfd_open,
	.show = eventfd_show,
	.check = eventfd_check,
};
