// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that wait for signals: in pause, in rt_sigsuspend with another mask,
 * in rt_sigtimedwait without and with a timeout. A signal after the restore
 * ends each in its own way. The kernel itself ends rt_sigtimedwait with EINTR
 * when the thread has been stopped, also without a dump (signal(7)): a program
 * must reckon with it, and so do the last two.
 */
#include "blocked.h"
#include "zdtm.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WANT	 (2500 * MS)
#define BIT(sig) (1UL << ((sig)-1))

static const uint64_t mask = BIT(SIGTERM) | BIT(SIGUSR2) | BIT(SIGHUP) | BIT(SIGALRM);
static const uint64_t suspended = ~BIT(SIGUSR2), waited = BIT(SIGHUP),
		      never = BIT(SIGALRM);
static struct timespec want = { WANT / (1000 * MS), WANT % (1000 * MS) };
static siginfo_t info;
static volatile int handled[65];

static struct blocked waits[] = {
	{ .nr = SYS_pause },
	{ .nr = SYS_rt_sigsuspend, .args = { (long)&suspended, 8 } },
	{ .nr = SYS_rt_sigtimedwait, .args = { (long)&waited, (long)&info, 0, 8 } },
	{ .nr = SYS_rt_sigtimedwait, .args = { (long)&never, 0, (long)&want, 8 } },
};

static void on_signal(int sig)
{
	handled[sig]++;
}

int main(int argc, char **argv)
{
	int64_t start, gone;
	int bad = 0;

	test_init(argc, argv);
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, on_signal);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	for (int i = 0; i < COUNT(waits); i++)
		blocked_start(&waits[i]);
	syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &(uint64_t){ BIT(SIGTERM) }, NULL, 8);
	test_sleep_ms(BLOCKED_BEFORE_MS);

	start = test_now();
	test_daemon();
	test_waitsig();
	gone = test_now() - start;

	sabotage("early", waits[0].ret = -ENOSYS; waits[0].took = 1);
	if (waits[0].took || waits[1].took)
		return fail("pause %ld or sigsuspend %ld has ended", waits[0].ret,
			waits[1].ret);
	sabotage("mask", pthread_kill(waits[1].thread, SIGUSR1));
	pthread_kill(waits[0].thread, SIGUSR1);
	pthread_kill(waits[1].thread, SIGUSR2);
	if (!waits[2].took)
		pthread_kill(waits[2].thread, SIGHUP);
	for (int i = 0; i < COUNT(waits); i++)
		blocked_end(&waits[i]);
	sabotage("again", waits[3].took += BLOCKED_BEFORE_MS * MS);
	bad |= blocked_check(&waits[0], -EINTR) | blocked_check(&waits[1], -EINTR);
	if (handled[SIGUSR1] != 1 || handled[SIGUSR2] != 1)
		bad = fail("handlers ran %d and %d times", handled[SIGUSR1],
			handled[SIGUSR2]);
	if (waits[2].ret != -EINTR)
		bad |= blocked_check(&waits[2], SIGHUP);
	if (waits[3].ret != -EINTR)
		bad |= blocked_check_time(&waits[3], -EAGAIN, WANT, gone);
	if (bad)
		return 1;
	pass();
	return 0;
}
