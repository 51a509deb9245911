// SPDX-License-Identifier: GPL-2.0-only
/* Walking the descriptors of other processes: see holders.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/children.h"
#include "crl/proc/file.h"
#include "fd/holders.h"

int holders_of(pid_t pid, holder_fn *fn, void *arg)
{
	PROC_BUF_AUTO buf = { 0 };
	PROC_IDS_AUTO fds = { 0 };
	struct holder h = { .pid = pid };
	char path[PROC_PATH_SIZE];
	struct err passed_over;
	auto_fd int proc = -1;
	int ret = 0;

	proc_path(path, "/proc/", pid, "");
	h.proc = proc = open(path, O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || proc_list_dir(proc, "fdinfo", &buf, &fds, &passed_over))
		return 0;
	for (size_t i = 0; i < fds.n && !ret; i++) {
		h.fd = fds.v[i];
		proc_path(path, "fdinfo/", h.fd, "");
		if (!proc_read(proc, path, &buf, &passed_over) &&
			!fdinfo_parse(buf.data, buf.len, &h.info, &passed_over))
			ret = fn(arg, &h);
	}
	return ret;
}

int holders_all(holder_fn *fn, void *arg)
{
	PROC_BUF_AUTO buf = { 0 };
	PROC_IDS_AUTO pids = { 0 };
	struct err passed_over;
	int ret = 0;

	if (proc_list_dir(AT_FDCWD, "/proc", &buf, &pids, &passed_over))
		return 0;
	for (size_t i = 0; i < pids.n && !ret; i++)
		if (pids.v[i] != getpid())
			ret = holders_of(pids.v[i], fn, arg);
	return ret;
}

void holder_comm(pid_t pid, char comm[HOLDER_COMM])
{
	PROC_BUF_AUTO buf = { 0 };
	char path[PROC_PATH_SIZE];
	struct err gone;

	snprintf(comm, HOLDER_COMM, "?");
	proc_path(path, "/proc/", pid, "/comm");
	if (!proc_read(AT_FDCWD, path, &buf, &gone))
		snprintf(comm, HOLDER_COMM, "%.*s", (int)strcspn(buf.data, "\n"),
			buf.data);
}
