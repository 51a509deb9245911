// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A POSIX timer that sends SIGRTMAX to this thread alone. The handler finds its
 * object in the signal's own value, so that nothing global is needed.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "tick.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void handler(int signo, siginfo_t *info, void *context)
{
	int saved = errno;
	struct tick *tick = info->si_value.sival_ptr;

	if (info->si_code == SI_TIMER)
		tick->fn(tick->arg);
	errno = saved;
}

static int start_timer(struct tick *tick, long period_ns)
{
	struct timespec period = { .tv_nsec = period_ns };
	struct itimerspec when = { .it_interval = period, .it_value = period };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMAX,
		.sigev_value.sival_ptr = tick,
	};

	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &tick->timer))
		return -errno;
	if (timer_settime(tick->timer, 0, &when, NULL)) {
		int code = errno;

		timer_delete(tick->timer);
		return -code;
	}
	return 0;
}

static void put_back(struct tick *tick)
{
	sigaction(SIGRTMAX, &tick->action, NULL);
	pthread_sigmask(SIG_SETMASK, &tick->mask, NULL);
}

int tick_start(struct tick *tick, long period_ns, void (*fn)(void *arg), void *arg,
	struct err *err)
{
	/* No SA_RESTART; no SA_NODEFER: fn is not to be interrupted by the next tick. */
	struct sigaction action = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO,
	};
	sigset_t open;
	int ret;

	tick->fn = fn;
	tick->arg = arg;
	sigemptyset(&open);
	sigaddset(&open, SIGRTMAX);
	if (FAULT(FREEZE_TICK) || sigaction(SIGRTMAX, &action, &tick->action))
		return err_os(err, errno, "handler of the freeze timer");
	pthread_sigmask(SIG_UNBLOCK, &open, &tick->mask);
	ret = start_timer(tick, period_ns);
	if (ret) {
		put_back(tick);
		return err_os(err, -ret, "freeze timer");
	}
	tick->running = true;
	return 0;
}

void tick_stop(struct tick *tick)
{
	if (!tick->running)
		return;
	tick->running = false;
	timer_delete(tick->timer);
	put_back(tick);
}
