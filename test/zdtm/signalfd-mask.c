// SPDX-License-Identifier: GPL-2.0-only
/* The sets of signalfds, with real-time signals; what was pending is read from them. */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t set_of(int a, int b)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, a);
	sigaddset(&s, b);
	return s;
}

static long long mask_of(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return test_proc_number(path, "sigmask:", 16);
}

int main(int argc, char **argv)
{
	sigset_t first = set_of(SIGUSR1, SIGRTMAX),
		 second = set_of(SIGUSR2, SIGRTMIN + 3);
	struct signalfd_siginfo si;
	long long mask[2];
	int a, b;

	test_init(argc, argv);
	sigprocmask(SIG_BLOCK, &first, NULL);
	sigprocmask(SIG_BLOCK, &second, NULL);
	a = must(signalfd(-1, &first, 0));
	b = must(signalfd(-1, &second, SFD_NONBLOCK | SFD_CLOEXEC));
	mask[0] = mask_of(a);
	mask[1] = mask_of(b);
	must(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 42 }));
	test_daemon();
	test_waitsig();
	sabotage("mask", signalfd(a, &second, 0));
	sabotage("flags", fcntl(b, F_SETFL, 0));
	sabotage("pending", read(a, &si, sizeof(si)));
	sabotage("extra", raise(SIGUSR2));
	if (mask_of(a) != mask[0] || mask_of(b) != mask[1] || mask[0] == mask[1])
		return fail("masks %llx %llx, were %llx %llx", mask_of(a), mask_of(b),
			mask[0], mask[1]);
	if (fcntl(a, F_GETFL) != O_RDWR || fcntl(b, F_GETFL) != (O_RDWR | O_NONBLOCK))
		return fail("flags %#o %#o", fcntl(a, F_GETFL), fcntl(b, F_GETFL));
	must(fcntl(a, F_SETFL, O_NONBLOCK));
	if (read(a, &si, sizeof(si)) != sizeof(si) || si.ssi_signo != SIGUSR1 ||
		si.ssi_int != 42)
		return fail("the pending signal is not read");
	if (read(b, &si, sizeof(si)) != -1 || errno != EAGAIN)
		return fail("the other has a signal");
	raise(SIGRTMIN + 3);
	if (read(b, &si, sizeof(si)) != sizeof(si) || (int)si.ssi_signo != SIGRTMIN + 3)
		return fail("a new signal is not read");
	pass();
	return 0;
}
