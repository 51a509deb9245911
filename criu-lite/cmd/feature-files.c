// SPDX-License-Identifier: GPL-2.0-only
/* Features: what open files have beside themselves. Tried on files in memory of crl's
 * own. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/features.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "crl/proc/file.h"
#include "crl/proc/lock.h"
#include "feature.h"

static int take_all(int fd, struct err *err)
{
	struct flock posix = { .l_type = F_WRLCK, .l_len = 1 };
	struct flock ofd = { .l_type = F_WRLCK, .l_start = 1, .l_len = 1 };

	if (fcntl(fd, F_SETLK, &posix))
		return err_os(err, errno, "F_SETLK");
	if (fcntl(fd, F_OFD_SETLK, &ofd))
		return err_os(err, errno, "F_OFD_SETLK");
	return flock(fd, LOCK_EX | LOCK_NB) ? err_os(err, errno, "flock") : 0;
}

static int shown(int fd, unsigned *kinds, struct err *err)
{
	auto_fd int dir = open("/proc/self/fdinfo", O_DIRECTORY | O_CLOEXEC);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_fdinfo info;
	struct proc_lock l;
	int ret = dir < 0 ? err_os(err, errno, "/proc/self/fdinfo")
			  : fdinfo_read(dir, fd, &buf, &info, err);

	while (!ret && (ret = lock_next(&info.rest, &l, err)) > 0) {
		*kinds |= 1u << l.kind;
		ret = 0;
	}
	return ret;
}

/* On an open file that only reads, as a lease for reading wants it. */
static bool can_lease(int file)
{
	char path[PROC_PATH_SIZE];
	auto_fd int fd = -1;

	proc_path(path, "/proc/self/fd/", file, "");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && !fcntl(fd, F_SETLEASE, F_RDLCK);
}

static int try_file_locks(struct err *err)
{
	const unsigned all =
		1u << PROC_LOCK_POSIX | 1u << PROC_LOCK_OFD | 1u << PROC_LOCK_FLOCK;
	auto_fd int fd = memfd_create("lock", MFD_CLOEXEC);
	unsigned kinds = 0;
	int ret = fd < 0 ? err_os(err, errno, "memfd_create") : take_all(fd, err);

	if (!ret)
		ret = shown(fd, &kinds, err);
	if (!ret && kinds != all)
		ret = err_set(err, EOPNOTSUPP, "/proc/PID/fdinfo does not show them");
	if (!ret && !can_lease(fd))
		ret = feature_limited(err, "leases cannot be taken");
	return ret;
}

const struct feature features_files[] = {
	{ "file_locks", NEED_USEFUL, "locks of files and leases", NULL, try_file_locks },
	{ 0 },
};
