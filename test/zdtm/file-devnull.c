// SPDX-License-Identifier: GPL-2.0-only
/* Memory devices: which they are, how they were opened, and that they do what they do. */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct device {
	const char *path;
	int flags, minor;
	ssize_t reads; /* how much of 16 bytes */
	int write_errno;
	int fd, was;
} devices[] = {
	{ .path = "/dev/null", .flags = O_RDWR, .minor = 3, .reads = 0 },
	{ .path = "/dev/null", .flags = O_WRONLY | O_APPEND, .minor = 3, .reads = -1 },
	{ .path = "/dev/zero",
		.flags = O_RDONLY,
		.minor = 5,
		.reads = 16,
		.write_errno = EBADF },
	{ .path = "/dev/full",
		.flags = O_RDWR,
		.minor = 7,
		.reads = 16,
		.write_errno = ENOSPC },
	{ .path = "/dev/urandom",
		.flags = O_RDONLY | O_NONBLOCK,
		.minor = 9,
		.reads = 16,
		.write_errno = EBADF },
};

#define N (sizeof(devices) / sizeof(*devices))

static int check(const struct device *d)
{
	char buf[16];
	struct stat st;

	must(fstat(d->fd, &st));
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, d->minor))
		return fail("%s is device %d:%d", d->path, major(st.st_rdev),
			minor(st.st_rdev));
	if (fcntl(d->fd, F_GETFL) != d->was)
		return fail("%s: flags are %#x, were %#x", d->path, fcntl(d->fd, F_GETFL),
			d->was);
	if (read(d->fd, buf, 16) != d->reads)
		return fail("%s: read: %m", d->path);
	errno = 0;
	if (write(d->fd, buf, 16) != (d->write_errno ? -1 : 16) ||
		errno != d->write_errno)
		return fail("%s: write: %m", d->path);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (size_t i = 0; i < N; i++) {
		devices[i].fd = must(open(devices[i].path, devices[i].flags));
		devices[i].was = fcntl(devices[i].fd, F_GETFL);
	}
	test_daemon();
	test_waitsig();
	sabotage("other", dup2(devices[0].fd, devices[3].fd));
	sabotage("flags", fcntl(devices[4].fd, F_SETFL, 0));
	sabotage("access", dup2(devices[0].fd, devices[1].fd));
	sabotage("closed", close(devices[2].fd));
	for (size_t i = 0; i < N; i++)
		if (check(&devices[i]))
			return 1;
	pass();
	return 0;
}
