// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two children that count in two threads each are stopped by SIGSTOP. They stay
 * stopped, do not count on, and go on after SIGCONT, which the parent can wait
 * for.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t *counts; /* shared: two for each child */

static void *count(void *arg)
{
	volatile uint64_t *mine = arg;

	for (;;) {
		++*mine;
		test_sleep_ms(1);
	}
	return NULL;
}

static int child(void *arg)
{
	volatile uint64_t *mine = counts + 2 * (intptr_t)arg;

	test_thread(count, (void *)mine);
	while (!mine[0])
		sched_yield();
	test_child_ready();
	count((void *)(mine + 1));
	return 0;
}

static void stop(pid_t pid)
{
	int status;

	kill(pid, SIGSTOP);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		fail("child %d does not stop: %#x", pid, status);
}

static int check(pid_t pid, const uint64_t *was, volatile uint64_t *is)
{
	int64_t end = test_now() + 3000 * MS;
	int status;

	sabotage("running", kill(pid, SIGCONT); test_sleep_ms(50));
	if (!test_wait_state(pid, 'T') || is[0] != was[0] || is[1] != was[1])
		return fail("child %d is not stopped, counts %lu %lu, were %lu %lu", pid,
			is[0], is[1], was[0], was[1]);
	sabotage("stays", kill(pid, SIGKILL));
	kill(pid, SIGCONT);
	if (waitpid(pid, &status, WCONTINUED) != pid || !WIFCONTINUED(status))
		return fail("child %d is not continued: %#x", pid, status);
	while (is[0] < was[0] + 3 || is[1] < was[1] + 3)
		if (test_now() > end)
			return fail("child %d does not count on", pid);
	kill(pid, SIGKILL);
	return test_reap(pid) == 256 + SIGKILL ? 0 : fail("child %d not reaped", pid);
}

int main(int argc, char **argv)
{
	uint64_t was[4];
	pid_t pids[2];

	test_init(argc, argv);
	counts = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (intptr_t i = 0; i < 2; i++) {
		pids[i] = test_fork(child, (void *)i);
		while (counts[2 * i + 1] < 2)
			sched_yield();
	}
	stop(pids[1]);
	stop(pids[0]);
	for (int i = 0; i < 4; i++)
		was[i] = counts[i];

	test_daemon();
	test_waitsig();

	if (check(pids[0], was, counts) | check(pids[1], was + 2, counts + 2))
		return 1;
	pass();
	return 0;
}
