// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zombies, ended by exit with several statuses and by several signals, in the
 * root and below a child; one was a session leader, one a group leader. Each
 * stays one, in its session and group, and tells the same when it is reaped.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLAIN, SESSION = 1, GROUP };

static struct zombie {
	int code; /* exit status, or minus the signal */
	int kind;
	pid_t pid, pgid, sid;
	siginfo_t info;
} zombies[] = { { .code = 0 }, { .code = 7 }, { .code = 255 }, { .code = -SIGKILL },
	{ .code = -SIGSEGV }, { .code = 3, .kind = SESSION },
	{ .code = -SIGUSR2, .kind = GROUP }, { .code = -SIGALRM } };

static int end(void *arg)
{
	struct zombie *z = arg;

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	if (z->kind == SESSION)
		setsid();
	if (z->kind == GROUP)
		setpgid(0, 0);
	test_child_ready();
	if (z->code < 0)
		raise(-z->code);
	return z->code;
}

static void make(struct zombie *z)
{
	z->pid = test_fork(end, z);
	waitid(P_PID, z->pid, &z->info, WEXITED | WNOWAIT);
	z->pgid = getpgid(z->pid);
	z->sid = getsid(z->pid);
}

static int check(struct zombie *z)
{
	siginfo_t info = { 0 };

	sabotage("reaped", waitpid(z->pid, NULL, 0));
	sabotage("code", z->info.si_code ^= z->code == 7);
	sabotage("status", z->info.si_status ^= z->code == -SIGUSR2);
	if (!test_wait_state(z->pid, 'Z'))
		return fail("%d is not a zombie", z->pid);
	if (getpgid(z->pid) != z->pgid || getsid(z->pid) != z->sid)
		return fail("zombie %d in group %d session %d, were %d %d", z->pid,
			getpgid(z->pid), getsid(z->pid), z->pgid, z->sid);
	if (waitid(P_PID, z->pid, &info, WEXITED | WNOHANG) || info.si_pid != z->pid)
		return fail("waitid: %m, pid %d, was %d", info.si_pid, z->pid);
	if (info.si_code != z->info.si_code || info.si_status != z->info.si_status ||
		info.si_uid != z->info.si_uid)
		return fail("code %d status %d uid %d, were %d %d %d", info.si_code,
			info.si_status, info.si_uid, z->info.si_code, z->info.si_status,
			z->info.si_uid);
	return 0;
}

static int all(void (*ready)(void))
{
	int bad = 0;

	for (int i = 0; i < COUNT(zombies); i++)
		make(&zombies[i]);
	ready();
	test_waitsig();
	for (int i = 0; i < COUNT(zombies); i++)
		bad |= check(&zombies[i]);
	return bad;
}

static int child(void *arg)
{
	return all(test_child_ready);
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	pid = test_fork(child, NULL);
	if (all(test_daemon) | test_join(pid))
		return 1;
	pass();
	return 0;
}
