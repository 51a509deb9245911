// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every signal does: handler, flags, mask and restorer, byte for byte as
 * the kernel has them, of all signals but the three that cannot be used here.
 * The addresses of most are never called; SIGUSR1 and a real-time signal are
 * delivered after the restore, and SIGCHLD comes to SA_NOCLDWAIT.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct action { /* as in the kernel */
	uint64_t handler, flags, restorer, mask;
};

static struct action was[65];
static volatile int got, got_value;

static bool usable(int sig)
{
	return sig != SIGKILL && sig != SIGSTOP && sig != SIGTERM;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	got = sig;
	got_value = info->si_value.sival_int;
}

static void set(int sig)
{
	static const uint64_t flags[] = { SA_RESTART, SA_NODEFER, SA_RESETHAND,
		SA_ONSTACK, SA_SIGINFO, SA_NOCLDSTOP,
		SA_RESTART | SA_SIGINFO | SA_ONSTACK, 0x800 };
	struct action a = { 0 };

	if (sig % 5 == 1)
		a.handler = (uintptr_t)SIG_IGN;
	else if (sig % 5)
		a.handler = 0x10000UL + sig * 64;
	a.flags = flags[sig % 8];
	if (sig % 3) {
		a.flags |= 0x04000000; /* SA_RESTORER */
		a.restorer = 0x7000000UL + sig * 16;
	}
	a.mask = 0x9e3779b97f4a7c15UL * sig & ~(1UL << 8 | 1UL << 18);
	syscall(SYS_rt_sigaction, sig, &a, NULL, 8);
}

static int check(int sig)
{
	struct action is = { 0 };

	syscall(SYS_rt_sigaction, sig, NULL, &is, 8);
	if (!memcmp(&is, &was[sig], sizeof(is)))
		return 0;
	return fail("signal %d: handler %#lx flags %#lx mask %#lx restorer %#lx, were "
		    "%#lx %#lx "
		    "%#lx %#lx",
		sig, is.handler, is.flags, is.mask, is.restorer, was[sig].handler,
		was[sig].flags, was[sig].mask, was[sig].restorer);
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	union sigval value = { .sival_int = 77 };
	int bad = 0;

	test_init(argc, argv);
	for (int sig = 1; sig <= 64; sig++)
		if (usable(sig))
			set(sig);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGRTMAX - 1, &sa, NULL);
	sa.sa_flags |= SA_NOCLDWAIT;
	sigaction(SIGCHLD, &sa, NULL);
	for (int sig = 1; sig <= 64; sig++)
		syscall(SYS_rt_sigaction, sig, NULL, &was[sig], 8);

	test_daemon();
	test_waitsig();

	sabotage("ignored", signal(6, SIG_DFL));
	sabotage("flags", was[SIGUSR1].flags ^= SA_RESTART);
	sabotage("mask", was[64].mask ^= 1);
	for (int sig = 1; sig <= 64; sig++)
		bad |= check(sig);
	if (bad)
		return 1;
	if (raise(SIGUSR1) || got != SIGUSR1)
		return fail("SIGUSR1 does not come");
	if (sigqueue(getpid(), SIGRTMAX - 1, value) || got != SIGRTMAX - 1 ||
		got_value != 77)
		return fail("signal %d with value %d instead", got, got_value);
	if (!fork())
		_exit(0);
	if (wait(NULL) != -1 || errno != ECHILD)
		return fail("SA_NOCLDWAIT: wait gives %m");
	pass();
	return 0;
}
