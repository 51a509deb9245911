// SPDX-License-Identifier: GPL-2.0-only
/*
 * A chain of twenty, each the child of the one before. The end runs up the
 * chain: each reaps its child and exits with its own depth + 100.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <unistd.h>

#define DEPTH 20

static int grow(void *arg)
{
	int depth = (intptr_t)arg;
	pid_t pid = getpid(), parent = getppid(), child = 0;
	int status;

	if (depth < DEPTH)
		child = test_fork(grow, (void *)(intptr_t)(depth + 1));
	test_child_ready();
	test_waitsig();
	sabotage("parent", parent += depth == 13);
	sabotage("kill", if (depth == 20) raise(SIGKILL));
	if (getpid() != pid || getppid() != parent)
		return fail(
			"pid %d parent %d, were %d %d", getpid(), getppid(), pid, parent);
	if (!child)
		return 100 + depth;
	kill(child, SIGTERM);
	status = test_reap(child);
	if (status != 100 + depth + 1)
		return fail("depth %d: status %d", depth + 1, status);
	return 100 + depth;
}

int main(int argc, char **argv)
{
	pid_t child;
	int status;

	test_init(argc, argv);
	child = test_fork(grow, (void *)1L);

	test_daemon();
	test_waitsig();

	kill(child, SIGTERM);
	status = test_reap(child);
	if (status != 101)
		return fail("the first of the chain: status %d", status);
	pass();
	return 0;
}
