// SPDX-License-Identifier: GPL-2.0-only
/*
 * What /proc shows as command line, environment and auxiliary vector of a
 * program that has overwritten its arguments and one of its variables.
 */
#include "task.h"
#include "zdtm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const files[] = { "cmdline", "environ", "auxv" };
static char was[COUNT(files)][16384];
static size_t len[COUNT(files)];

static const char *look(int i, size_t *n)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/%s", files[i]);
	return test_read_file(path, n);
}

static int check(const char *who)
{
	for (int i = 0; i < COUNT(files); i++) {
		size_t n = 0;
		const char *is = look(i, &n);

		if (!is || n != len[i] || memcmp(is, was[i], n))
			return fail("%s of %s: %zu bytes \"%.200s\", were %zu \"%.200s\"",
				files[i], who, n, is, len[i], was[i]);
	}
	return 0;
}

static int child(void *arg)
{
	test_child_ready();
	test_waitsig();
	sabotage("child", ((char **)arg)[0][0] = 'X');
	return check("child");
}

int main(int argc, char **argv)
{
	static const char title[] = "waiting: for a dump";
	size_t room = argv[argc - 1] + strlen(argv[argc - 1]) - argv[0];
	pid_t pid;

	test_init(argc, argv);
	memset(argv[0], 0, room);
	snprintf(argv[0], room, "%s", title);
	if (environ[0] && environ[0][0])
		environ[0][0] ^= 1;
	setenv("NOT_SHOWN", "in proc", 1);
	for (int i = 0; i < COUNT(files); i++) {
		const char *text = look(i, &len[i]);

		if (!text || len[i] >= sizeof(was[i]))
			return fail("%s: %m, %zu bytes", files[i], len[i]);
		memcpy(was[i], text, len[i]);
	}
	if (strncmp(was[0], title, room - 1))
		return fail("command line \"%s\"", was[0]);
	pid = test_fork(child, argv);

	test_daemon();
	test_waitsig();

	sabotage("args", argv[0][3] = 'X');
	sabotage("auxv", was[2][8] ^= 1);
	sabotage("variable", unsetenv("NOT_SHOWN"));
	if (test_join(pid) | check("root"))
		return 1;
	if (!getenv("NOT_SHOWN") || strcmp(getenv("NOT_SHOWN"), "in proc"))
		return fail("the environment in memory");
	pass();
	return 0;
}
