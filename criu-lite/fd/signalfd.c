// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signalfds: a set of signals. What waits to be read are the pending signals of
 * whoever reads, so nothing is kept in the file. SIGKILL and SIGSTOP are never
 * in the set, whatever was asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "fd/anon.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/restore-files.h"

static bool signalfd_probe(const struct fd_view *v)
{
	return anon_is(v, "[signalfd]");
}

static int signalfd_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	struct proc_text lines;
	struct fdinfo_line line;
	bool found = false;
	int ret = anon_fdinfo(v, &lines, err);

	if (ret)
		return ret;
	e->sgfd = arena_msg(&f->arena, SignalfdEntry, signalfd_entry);
	while (fdinfo_next(&lines, &line))
		if (proc_text_is(line.key, "sigmask"))
			found = fdinfo_number(line.value, NULL, 16, &e->sgfd->sigmask);
	if (!found)
		return err_set(err, EIO, "fdinfo has no signal mask");
	e->sgfd->id = e->id;
	e->sgfd->flags = v->flags;
	e->sgfd->fown = v->fown;
	return 0;
}

static int signalfd_verify(
	const struct restore_files *r, const FileEntry *e, struct err *err)
{
	if (!e->sgfd || e->sgfd->id != e->id)
		return err_set(err, EINVAL, "file %u: no signalfd", e->id);
	return 0;
}

static int signalfd_open(
	struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	const SignalfdEntry *s = e->sgfd;
	/* The C library's wrapper would take the signals out that it uses itself. */
	auto_fd int new =
		syscall(SYS_signalfd4, -1, &s->sigmask, sizeof(s->sigmask), SFD_CLOEXEC);
	int ret;

	if (new < 0)
		return err_os(err, errno, "make it");
	ret = anon_params(new, s->flags, s->fown, err);
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

static void signalfd_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(
		text, size, "signalfd for %016llx", (unsigned long long)e->sgfd->sigmask);
}

const struct fd_ops signalfd_ops = {
	.name = "signalfd",
	.type = FD_TYPES__SIGNALFD,
	.probe = signalfd_probe,
	.dump = signalfd_dump,
	.verify = signalfd_verify,
	.open = signalfd_open,
	.show = signalfd_show,
};
