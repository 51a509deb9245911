// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors of memfds: name, contents, size, mode, owner, and for each open file of
 * one memfd its own position, flags and access mode; close-on-exec belongs to the
 * descriptor, and dup() shares the open file.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 10001

static int reopen(int fd, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return must(open(path, flags));
}

static const char *link_of(int fd)
{
	static char text[300];
	char path[40];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

/* What another open file of the same memfd would be like. */
static void replace(int fd, int flags)
{
	int other = reopen(fd, flags);

	lseek(other, lseek(fd, 0, SEEK_CUR), SEEK_SET);
	dup2(other, fd);
	close(other);
}

struct open_file {
	int fd, flags, cloexec;
	off_t pos;
};

static int check_open(const struct open_file *f)
{
	int flags = fcntl(f->fd, F_GETFL), cloexec = fcntl(f->fd, F_GETFD);
	off_t pos = f->flags & O_PATH ? 0 : lseek(f->fd, 0, SEEK_CUR);

	if (flags != f->flags || cloexec != f->cloexec || pos != f->pos)
		return fail("%d: flags %#o, were %#o; cloexec %d; position %lld", f->fd,
			flags, f->flags, cloexec, (long long)pos);
	return 0;
}

static int check_inode(int fd, const struct stat *was)
{
	struct stat is;

	must(fstat(fd, &is));
	sabotage("stat-mode", is.st_mode ^= 01);
	sabotage("stat-owner", is.st_uid++);
	if (is.st_mode != was->st_mode || is.st_uid != was->st_uid ||
		is.st_gid != was->st_gid || is.st_size != was->st_size)
		return fail("mode %o owner %u:%u size %lld", is.st_mode, is.st_uid,
			is.st_gid, (long long)is.st_size);
	return 0;
}

static bool same_inode(int a, int b)
{
	struct stat one, two;

	must(fstat(a, &one));
	must(fstat(b, &two));
	return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "", "plain", "with / and (deleted)",
		"x (deleted)", "/dev/zero" };
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	static char text[SIZE], links[NAMES][300];
	struct open_file open_files[7];
	struct stat was;
	int fd, copy, reader, writer, names_fd[NAMES];

	test_init(argc, argv);
	fd = must(memfd_create("memory", 0));
	fill_pattern(text, SIZE, 1);
	must(write(fd, text, SIZE));
	if (!getuid())
		must(fchown(fd, 12, 34));
	must(fchmod(fd, 02640 | (getuid() ? 0600 : 0)));
	copy = must(fcntl(fd, F_DUPFD_CLOEXEC, 0));
	reader = reopen(fd, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	writer = reopen(fd, O_WRONLY | O_APPEND | O_SYNC);
	open_files[0] = (struct open_file){ .fd = fd, .pos = 123 };
	open_files[1] = (struct open_file){ .fd = copy, .pos = 123 };
	open_files[2] = (struct open_file){ .fd = reader, .pos = 4567 };
	open_files[3] = (struct open_file){ .fd = writer };
	open_files[4] = (struct open_file){ .fd = reopen(fd, O_RDWR), .pos = 99999 };
	open_files[5] =
		(struct open_file){ .fd = reopen(fd, O_RDWR | O_APPEND), .pos = 5 };
	open_files[6] = (struct open_file){ .fd = reopen(fd, O_PATH) };
	for (int i = 0; i < 7; i++) {
		struct open_file *f = &open_files[i];

		f->flags = must(fcntl(f->fd, F_GETFL));
		f->cloexec = must(fcntl(f->fd, F_GETFD));
		if (!(f->flags & O_PATH))
			must(lseek(f->fd, f->pos, SEEK_SET));
	}
	for (int i = 0; i < NAMES; i++) {
		names_fd[i] = must(memfd_create(names[i], MFD_ALLOW_SEALING));
		strcpy(links[i], link_of(names_fd[i]));
		must(write(names_fd[i], &i, sizeof(i)));
	}
	must(fstat(fd, &was));
	test_daemon();
	test_waitsig();
	sabotage("position", lseek(reader, 0, SEEK_SET));
	sabotage("flags", must(fcntl(open_files[4].fd, F_SETFL, O_APPEND)));
	sabotage("cloexec", must(fcntl(copy, F_SETFD, 0)));
	sabotage("access", replace(reader, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	sabotage("sync", replace(writer, O_WRONLY | O_APPEND));
	sabotage("content", must(pwrite(fd, "x", 1, 5000)));
	sabotage("size", must(ftruncate(fd, SIZE + 1)));
	sabotage("name", dup2(must(memfd_create("plan", 0)), names_fd[1]));
	sabotage("alone", replace(copy, O_RDWR); must(fcntl(copy, F_SETFD, FD_CLOEXEC)));
	sabotage("other", dup2(must(memfd_create("memory", 0)), open_files[4].fd);
		 lseek(open_files[4].fd, 99999, SEEK_SET));
	for (int i = 0; i < 7; i++)
		if (check_open(&open_files[i]))
			return 1;
	if (check_inode(fd, &was))
		return 1;
	for (int i = 0; i < 7; i++)
		if (!same_inode(fd, open_files[i].fd))
			return fail("%d is another memfd", open_files[i].fd);
	if (strcmp(link_of(fd), "/memfd:memory (deleted)"))
		return fail("its name is %s", link_of(fd));
	for (int i = 0; i < NAMES; i++) {
		int n = -1;

		if (strcmp(link_of(names_fd[i]), links[i]))
			return fail("%s is called %s", links[i], link_of(names_fd[i]));
		if (pread(names_fd[i], &n, sizeof(n), 0) != sizeof(n) || n != i)
			return fail("%s contains %d", links[i], n);
	}
	memset(text, 0, SIZE);
	must(pread(fd, text, SIZE, 0));
	if (!check_pattern(text, SIZE, 1))
		return fail("contents differ");
	must(lseek(copy, 77, SEEK_SET));
	if (lseek(fd, 0, SEEK_CUR) != 77 || lseek(reader, 0, SEEK_CUR) != 4567)
		return fail("the position is not shared by dup(), or too widely");
	must(write(writer, "more", 4));
	if (pread(reader, text, SIZE, SIZE) != 4 || memcmp(text, "more", 4))
		return fail("what is appended is not seen");
	pass();
	return 0;
}
