// SPDX-License-Identifier: GPL-2.0-only
/* Whole files, paths and escaped names. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/proc/file.h"
#include "proc/load.h"

static struct err err;

/* A pipe gives what was written to it in pieces: EOF alone ends the file. */
static void pieces(void)
{
	static const char part[3000] = { [0 ... 2999] = 'x' };
	PROC_BUF_AUTO buf = { 0 };
	int p[2];
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(pipe(p), 0);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 100; i++)
			if (write(p[1], part, sizeof(part)) != sizeof(part))
				_exit(1);
		_exit(0);
	}
	close(p[1]);
	CU_ASSERT_EQUAL(proc_read_fd(p[0], "pipe", &buf, &err), 0);
	CU_ASSERT_EQUAL(buf.len, 300000);
	CU_ASSERT_EQUAL(strlen(buf.data), 300000);
	close(p[0]);
	waitpid(child, NULL, 0);
}

static void whole(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	char *data;

	CU_ASSERT_EQUAL_FATAL(proc_read(dir, "environ", &buf, &err), 0);
	CU_ASSERT_EQUAL_FATAL(proc_read(dir, "comm", &buf, &err), 0);
	CU_ASSERT_EQUAL(buf.len, strlen(buf.data));
	CU_ASSERT_EQUAL(buf.data[buf.len - 1], '\n');
	data = buf.data;
	CU_ASSERT_EQUAL(proc_read(dir, "comm", &buf, &err), 0);
	CU_ASSERT_PTR_EQUAL(buf.data, data);
	CU_ASSERT_EQUAL(proc_read(dir, "no-such", &buf, &err), -ENOENT);
	CU_ASSERT_STRING_EQUAL(err.text, "open no-such: No such file or directory");
	CU_ASSERT_EQUAL(proc_read(dir, "task", &buf, &err), -EISDIR);
	close(dir);
}

/* Files of a task that has ended and was reaped. */
static void gone(void)
{
	int procfd = open("/proc", O_RDONLY | O_DIRECTORY), dir;
	PROC_BUF_AUTO buf = { 0 };
	pid_t child = fork();
	int ret;

	if (child == 0)
		_exit(0);
	dir = proc_open_pid(procfd, child, &err);
	CU_ASSERT_FATAL(dir >= 0);
	waitpid(child, NULL, 0);
	ret = proc_read(dir, "stat", &buf, &err);
	CU_ASSERT(ret == -ENOENT || ret == -ESRCH);
	CU_ASSERT_EQUAL(proc_open_pid(procfd, child, &err), -ENOENT);
	close(dir);
	close(procfd);
}

static void paths(void)
{
	char out[PROC_PATH_SIZE], lengthy[100];

	proc_path(out, "task/", 4294967295U, "/children");
	CU_ASSERT_STRING_EQUAL(out, "task/4294967295/children");
	proc_path(out, "", 0, "");
	CU_ASSERT_STRING_EQUAL(out, "0");
	memset(lengthy, 'a', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	proc_path(out, lengthy, 1, "");
	CU_ASSERT_EQUAL(strlen(out), PROC_PATH_SIZE - 1);
}

static ssize_t decode(const char *s, const char *escaped, char *out, size_t size)
{
	char *copy = exact_copy(s, strlen(s));
	ssize_t len = proc_text_decode(
		(struct proc_text){ copy, strlen(s) }, escaped, out, size);

	free(copy);
	return len;
}

static void escapes(void)
{
	char out[32], *small;

	CU_ASSERT_EQUAL(decode("a\\012b", PROC_ESCAPED_MAPS, out, sizeof(out)), 3);
	CU_ASSERT_STRING_EQUAL(out, "a\nb");
	decode("\\101\\040\\134", PROC_ESCAPED_MAPS, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "\\101\\040\\134");
	decode("\\101\\040\\134\\0122", PROC_ESCAPED_MOUNT, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "\\101 \\\n2");
	decode("x\\01", PROC_ESCAPED_MAPS, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "x\\01");
	decode("\\000\\", PROC_ESCAPED_MAPS, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "\\000\\");
	CU_ASSERT_EQUAL(decode("abcd", "", out, 5), 4);
	small = exact_copy("....", 4);
	CU_ASSERT_EQUAL(decode("abcd", "", small, 4), -ENAMETOOLONG);
	CU_ASSERT_EQUAL(decode("abcde", "", small, 4), -ENAMETOOLONG);
	free(small);
	CU_ASSERT_EQUAL(decode("", "", out, 1), 0);
	CU_ASSERT_EQUAL(decode("", "", out, 0), -ENAMETOOLONG);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a file in pieces", pieces },
		{ "whole files", whole },
		{ "a task that is gone", gone },
		{ "paths", paths },
		{ "escaped names", escapes },
	};

	return RUN_TESTS("file", tests);
}
