// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading whole files of procfs.
 *
 * A file of procfs has no size and is made while it is read. read() may return
 * less than what was asked for long before the end (a sequence of records is
 * handed out about a page at a time), so only a read of 0 bytes says that
 * all is there. What is read in several calls is a picture taken at several
 * moments, unless the task is stopped.
 *
 * A dump reads a dozen such files of every task: one buffer serves them all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/file.h"

#define FIRST_SIZE 16384

int proc_buf_reserve(struct proc_buf *buf, size_t cap, struct err *err)
{
	char *data;

	if (cap <= buf->cap)
		return 0;
	if (cap < FIRST_SIZE)
		cap = FIRST_SIZE;
	if (cap < buf->cap * 2)
		cap = buf->cap * 2;
	data = realloc(buf->data, cap);
	if (!data)
		return err_os(err, ENOMEM, "buffer of %zu bytes", cap);
	buf->data = data;
	buf->cap = cap;
	return 0;
}

void proc_buf_deinit(struct proc_buf *buf)
{
	free(buf->data);
	*buf = (struct proc_buf){ 0 };
}

int proc_read_fd(int fd, const char *name, struct proc_buf *buf, struct err *err)
{
	ssize_t n;
	int ret;

	buf->len = 0;
	do {
		/* Room for the NUL, and for more than a crumb. */
		ret = proc_buf_reserve(buf, buf->len + FIRST_SIZE / 4, err);
		if (ret < 0)
			return ret;
		n = read(fd, buf->data + buf->len, buf->cap - buf->len - 1);
		if (n > 0)
			buf->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_os(err, errno, "read %s", name);
	buf->data[buf->len] = '\0';
	return 0;
}

int proc_read(int dirfd, const char *name, struct proc_buf *buf, struct err *err)
{
	auto_fd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_os(err, errno, "open %s", name);
	return proc_read_fd(fd, name, buf, err);
}

int proc_open_pid(int procfd, pid_t pid, struct err *err)
{
	char name[PROC_PATH_SIZE];
	int fd;

	proc_path(name, "", (unsigned int)pid, "");
	fd = openat(procfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, ENOENT, "no process %d", pid);
	if (fd < 0)
		return err_os(err, errno, "open /proc/%d", pid);
	return fd;
}

void proc_path(char out[PROC_PATH_SIZE], const char *before, unsigned int number,
	const char *after)
{
	char *p = out, *last = out + PROC_PATH_SIZE - 1;
	char digits[10];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (*before && p < last)
		*p++ = *before++;
	while (n && p < last)
		*p++ = digits[--n];
	while (*after && p < last)
		*p++ = *after++;
	*p = '\0';
}
