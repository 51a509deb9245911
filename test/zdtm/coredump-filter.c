// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which mappings a core dump holds: /proc/PID/coredump_filter, of two processes.
 */
#include "task.h"
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char path[] = "/proc/self/coredump_filter";

static int set(unsigned value)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%#x", value), fd = open(path, O_WRONLY),
	    bad;

	bad = fd < 0 || write(fd, text, n) != n ? fail("%s: %m", path) : 0;
	close(fd);
	return bad;
}

static int check(unsigned was)
{
	long long is = test_proc_number(path, NULL, 16);

	return is == was ? 0 : fail("filter %#llx, was %#x", is, was);
}

static int child(void *arg)
{
	if (set(0x1ff))
		return 1;
	test_child_ready();
	test_waitsig();
	sabotage("child", set(0x33));
	return check(0x1ff);
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	if (access(path, W_OK))
		return test_skip("a kernel without core dumps of ELF");
	if (set(0x5a))
		return 1;
	pid = test_fork(child, NULL);

	test_daemon();
	test_waitsig();

	sabotage("root", set(0x33));
	if (test_join(pid) | check(0x5a))
		return 1;
	pass();
	return 0;
}
