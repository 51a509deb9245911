// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocked signals that are pending: standard and real-time ones, several of
 * the same number in their order, from kill, sigqueue, tgkill and the raw
 * calls with a whole siginfo; to the process, to the main and another thread.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT 48 /* bytes of a siginfo that the kernel keeps; the rest reads as zero */

static pthread_barrier_t ready, go;
static pid_t thread_tid;
/* All but SIGTERM, the two that cannot be blocked, and the two of the C library. */
static const uint64_t mask = ~(1UL << (SIGTERM - 1) | 1UL << 8 | 1UL << 18 | 3UL << 31);

static siginfo_t made(int sig, int code, int seed)
{
	siginfo_t info = { 0 };

	fill_pattern(&info, KEPT, seed);
	info.si_signo = sig;
	info.si_errno = seed;
	info.si_code = code;
	return info;
}

static siginfo_t sent(int sig, int code)
{
	siginfo_t info = { .si_signo = sig, .si_code = code };

	info.si_pid = getpid();
	info.si_uid = getuid();
	return info;
}

static void queue(pid_t tid, siginfo_t info)
{
	if (tid ? syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, info.si_signo, &info)
		: syscall(SYS_rt_sigqueueinfo, getpid(), info.si_signo, &info))
		fail("queue signal %d: %m", info.si_signo);
}

/* Takes what is pending and compares it with what was sent, in the order of delivery. */
static int take(const siginfo_t *want, int n)
{
	uint64_t blocked = 0, every = mask;
	int bad = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, 8);
	if (blocked != mask)
		bad = fail("mask %#lx, was %#lx", blocked, mask);
	sabotage("lost",
		syscall(SYS_rt_sigtimedwait, &every, NULL, &(struct timespec){ 0 }, 8));
	for (int i = 0; i <= n; i++) {
		siginfo_t is = { 0 };
		int sig = syscall(
			SYS_rt_sigtimedwait, &every, &is, &(struct timespec){ 0 }, 8);

		sabotage("info", ((char *)&is)[47] ^= i == 3);
		if (i < n ? sig != want[i].si_signo || memcmp(&is, &want[i], sizeof(is))
			  : sig > 0)
			bad = fail("pending %d of %d: signal %d code %d pid %d value %#x",
				i, n, sig, is.si_code, is.si_pid, is.si_value.sival_int);
	}
	return bad;
}

/* Its own queue: the kernel empties that of the thread before that of the process. */
static void *hold(void *arg)
{
	siginfo_t want[] = { sent(SIGUSR2, SI_TKILL), made(SIGRTMIN + 2, SI_QUEUE, 31),
		made(SIGRTMIN + 2, SI_TKILL - 60, 32), made(SIGRTMIN + 3, SI_MESGQ, 33) };

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	thread_tid = gettid();
	syscall(SYS_tgkill, getpid(), thread_tid, SIGUSR2);
	for (int i = 1; i < COUNT(want); i++)
		queue(thread_tid, want[i]);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	return take(want, COUNT(want)) ? NULL : &thread_tid;
}

int main(int argc, char **argv)
{
	siginfo_t want[10];
	pthread_t thread;

	test_init(argc, argv);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&go, NULL, 2);
	want[0] = sent(SIGUSR1, SI_TKILL); /* the main thread's own, */
	want[1] = made(SIGRTMIN + 4, SI_ASYNCIO, 1);
	want[2] = sent(SIGHUP, SI_USER); /* then the process's, by number */
	want[3] = made(SIGCHLD, SI_QUEUE, 3);
	want[4] = made(SIGRTMIN + 1, SI_QUEUE, 4);
	want[5] = made(SIGRTMIN + 1, SI_QUEUE, 5);
	want[6] = made(SIGRTMIN + 1, -77, 6);
	want[7] = made(SIGRTMIN + 1, SI_QUEUE, 7);
	want[8] = sent(SIGRTMIN + 5, SI_USER);
	want[9] = made(SIGRTMAX, SI_QUEUE, 9);
	queue(0, want[9]);
	queue(gettid(), want[1]);
	for (int i = 3; i < 8; i++)
		queue(0, want[i]);
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGRTMIN + 5);
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	thread = test_thread(hold, NULL);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	if (take(want, COUNT(want)))
		return 1;
	pthread_barrier_wait(&go);
	if (!test_thread_end(thread))
		return 1;
	pass();
	return 0;
}
