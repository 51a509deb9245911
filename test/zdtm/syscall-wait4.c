// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads blocked in wait4 and waitid for children that end after the restore,
 * and a child blocked in wait4 for one of its own.
 */
#include "blocked.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int status;
static siginfo_t info;
static struct rusage usage;

static void on_signal(int sig)
{
}

static int child(void *code)
{
	test_child_ready();
	test_waitsig();
	return (intptr_t)code;
}

/* A process whose only thread is blocked in wait4. */
static int waiter(void *arg)
{
	pid_t pid = test_fork(child, (void *)33L);

	*(pid_t *)arg = pid;
	test_child_ready();
	return test_reap(pid);
}

int main(int argc, char **argv)
{
	pid_t *below = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[2], pid;

	test_init(argc, argv);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	pids[0] = test_fork(child, (void *)11L);
	pids[1] = test_fork(child, (void *)22L);
	pid = test_fork(waiter, below);
	test_wait_syscall(pid, SYS_wait4);

	struct blocked wait4 = { .nr = SYS_wait4,
		.args = { pids[0], (long)&status, 0, (long)&usage } };
	struct blocked waitid = { .nr = SYS_waitid,
		.args = { P_PID, pids[1], (long)&info, WEXITED } };

	blocked_start(&wait4);
	blocked_start(&waitid);

	test_daemon();
	test_waitsig();

	sabotage("eintr", pthread_kill(wait4.thread, SIGUSR1));
	sabotage("killed", kill(pids[1], SIGKILL));
	sabotage("below", kill(*below, SIGKILL));
	test_sleep_ms(20); /* for a call that ended too early to show itself */
	kill(pids[0], SIGTERM);
	kill(pids[1], SIGTERM);
	kill(*below, SIGTERM);
	blocked_end(&wait4);
	blocked_end(&waitid);
	if (blocked_check(&wait4, pids[0]) || !WIFEXITED(status) ||
		WEXITSTATUS(status) != 11)
		return fail("wait4: status %#x", status);
	if (blocked_check(&waitid, 0) || info.si_pid != pids[1] ||
		info.si_code != CLD_EXITED || info.si_status != 22)
		return fail("waitid: pid %d code %d status %d", info.si_pid, info.si_code,
			info.si_status);
	if (test_reap(pid) != 33)
		return fail("the child that waits");
	pass();
	return 0;
}
