// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child: ids and parenthood on both sides, its copy of the data, and how its
 * end is told: SIGCHLD with what happened, and the exit status.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t parent_pid;
static volatile int value = 1;
static volatile siginfo_t told;

static void on_child(int sig, siginfo_t *info, void *context)
{
	told = *info;
}

static int child(void *arg)
{
	pid_t pid = getpid();

	value = 2;
	test_child_ready();
	test_waitsig();
	sabotage("parent", parent_pid++);
	sabotage("data", value = 1);
	if (getpid() != pid || getppid() != parent_pid)
		return fail("pid %d parent %d, were %d %d", getpid(), getppid(), pid,
			parent_pid);
	return value == 2 ? 42 : fail("value %d", value);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_child,
		.sa_flags = SA_SIGINFO | SA_RESTART };
	pid_t pid;
	int status;

	test_init(argc, argv);
	parent_pid = getpid();
	sigaction(SIGCHLD, &sa, NULL);
	pid = test_fork(child, NULL);

	test_daemon();
	test_waitsig();

	if (getpid() != parent_pid || value != 1)
		return fail("pid %d, was %d; value %d", getpid(), parent_pid, value);
	if (told.si_signo)
		return fail(
			"a signal about child %d: code %d", told.si_pid, told.si_code);
	if (waitpid(-1, &status, WNOHANG))
		return fail("the child has ended");
	sabotage("killed", kill(pid, SIGKILL));
	kill(pid, SIGTERM);
	if (waitpid(-1, &status, 0) != pid || !WIFEXITED(status) ||
		WEXITSTATUS(status) != 42)
		return fail("child %d: status %#x", pid, status);
	if (told.si_signo != SIGCHLD || told.si_code != CLD_EXITED ||
		told.si_pid != pid || told.si_status != 42)
		return fail("SIGCHLD says code %d pid %d status %d", told.si_code,
			told.si_pid, told.si_status);
	pass();
	return 0;
}
