// SPDX-License-Identifier: GPL-2.0-only
/*
 * oom_score_adj of two processes, raised to different values. Whoever raises
 * it may lower it again, but not below where it was.
 */
#include "task.h"
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char path[] = "/proc/self/oom_score_adj";

static int set(int value)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", value), fd = open(path, O_WRONLY), bad;

	bad = fd < 0 || write(fd, text, n) != n ? fail("%s: %m", path) : 0;
	close(fd);
	return bad;
}

static int get(void)
{
	const char *text = test_read_file(path, NULL);
	int value = -10000;

	if (text)
		sscanf(text, "%d", &value);
	return value;
}

static int child(void *arg)
{
	if (set(812))
		return 1;
	test_child_ready();
	test_waitsig();
	sabotage("child", set(900));
	return get() == 812 ? 0 : fail("child: %d, was 812", get());
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	if (set(321))
		return 1;
	pid = test_fork(child, NULL);

	test_daemon();
	test_waitsig();

	sabotage("root", set(322));
	if (test_join(pid))
		return 1;
	if (get() != 321)
		return fail("%d, was 321", get());
	pass();
	return 0;
}
