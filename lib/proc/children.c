// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Lists of numbers: children, threads, descriptors.
 *
 * /proc/PID/task/TID/children holds the pids of the children of one thread, as
 * the procfs mount numbers them. The kernel finds its place in the list again
 * for every read, so children that come or go meanwhile make it skip others:
 * the list can be trusted only while all of them are stopped. Missing without
 * CONFIG_PROC_CHILDREN. A child belongs to the thread that forked it; when that
 * thread ends it goes to another thread of the process.
 *
 * Directories are read by getdents64() into the caller's buffer. The kernel
 * hands out descriptors in ascending order, and threads in the order in which
 * they were made, which is ascending until pids have wrapped around.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/children.h"
#include "crl/proc/file.h"
#include "scan.h"

#define LIST_SIZE 65536

int proc_ids_add(struct proc_ids *ids, int id, struct err *err)
{
	if (ids->n == ids->cap) {
		size_t cap = ids->cap ? ids->cap * 2 : 64;
		int *v = realloc(ids->v, cap * sizeof(*v));

		if (!v)
			return err_os(err, ENOMEM, "list of %zu numbers", cap);
		ids->v = v;
		ids->cap = cap;
	}
	ids->v[ids->n++] = id;
	return 0;
}

void proc_ids_deinit(struct proc_ids *ids)
{
	free(ids->v);
	*ids = (struct proc_ids){ 0 };
}

int children_parse(const char *text, size_t len, struct proc_ids *out, struct err *err)
{
	const char *p = text, *end = text + len;
	uint64_t pid;
	int ret;

	for (;;) {
		while (p < end && (*p == ' ' || *p == '\n'))
			p++;
		if (p == end)
			return 0;
		if (!scan_dec(&p, end, &pid))
			return err_set(err, EINVAL, "children: not a number at byte %td",
				p - text);
		ret = proc_ids_add(out, (int)pid, err);
		if (ret < 0)
			return ret;
	}
}

int children_read(
	int dirfd, pid_t tid, struct proc_buf *buf, struct proc_ids *out, struct err *err)
{
	char name[PROC_PATH_SIZE];
	int ret;

	proc_path(name, "task/", (unsigned int)tid, "/children");
	ret = proc_read(dirfd, name, buf, err);
	return ret < 0 ? ret : children_parse(buf->data, buf->len, out, err);
}

static int compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void sort_ids(struct proc_ids *ids)
{
	size_t i = 1;

	while (i < ids->n && ids->v[i - 1] <= ids->v[i])
		i++;
	if (i < ids->n)
		qsort(ids->v, ids->n, sizeof(*ids->v), compare_ids);
}

/* Take the names that are numbers out of len bytes of directory entries. */
static int add_entries(const char *p, size_t len, struct proc_ids *out, struct err *err)
{
	const char *stop = p + len;
	int ret = 0;

	while (p < stop && ret == 0) {
		const struct dirent64 *entry = (const struct dirent64 *)p;
		const char *name = entry->d_name;
		uint64_t number;

		p += entry->d_reclen;
		if (scan_dec(&name, p, &number) && *name == '\0')
			ret = proc_ids_add(out, (int)number, err);
	}
	return ret;
}

int proc_list_fd(int fd, const char *name, struct proc_buf *buf, struct proc_ids *out,
	struct err *err)
{
	ssize_t n;
	int ret;

	out->n = 0;
	ret = proc_buf_reserve(buf, LIST_SIZE, err);
	while (ret == 0) {
		n = getdents64(fd, buf->data, buf->cap);
		if (n < 0)
			return err_os(err, errno, "list %s", name);
		if (n == 0)
			break;
		ret = add_entries(buf->data, (size_t)n, out, err);
	}
	sort_ids(out);
	return ret;
}

int proc_list_dir(int dirfd, const char *name, struct proc_buf *buf, struct proc_ids *out,
	struct err *err)
{
	auto_fd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_os(err, errno, "open %s", name);
	return proc_list_fd(fd, name, buf, out, err);
}
