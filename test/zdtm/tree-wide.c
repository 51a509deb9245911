// SPDX-License-Identifier: GPL-2.0-only
/*
 * Forty children of one parent, each with its own data and exit status; some
 * of the pids between them are free.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <unistd.h>

#define CHILDREN 40

static uint8_t data[3 * 4096];

static int child(void *arg)
{
	int i = (intptr_t)arg;
	pid_t pid = getpid(), parent = getppid();

	fill_pattern(data, sizeof(data), i);
	test_child_ready();
	test_waitsig();
	sabotage("data", data[5000] ^= i == 20);
	sabotage("pid", pid += i == 39);
	if (getpid() != pid || getppid() != parent)
		return fail(
			"pid %d parent %d, were %d %d", getpid(), getppid(), pid, parent);
	return check_pattern(data, sizeof(data), i) ? 100 + i
						    : fail("data of child %d", i);
}

static int gap(void *arg)
{
	test_child_ready();
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pids[CHILDREN];
	int bad = 0;

	test_init(argc, argv);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = test_fork(child, (void *)(intptr_t)i);
		if (i % 7 == 3)
			test_reap(test_fork(gap, NULL));
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < CHILDREN; i++)
		kill(pids[i], SIGTERM);
	for (int i = CHILDREN - 1; i >= 0; i--) {
		int status = test_reap(pids[i]);

		if (status != 100 + i)
			bad = fail("child %d: status %d", pids[i], status);
	}
	if (bad)
		return bad;
	pass();
	return 0;
}
