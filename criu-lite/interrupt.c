// SPDX-License-Identifier: GPL-2.0-only
/* Signals that ask crl to stop: see interrupt.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "crl/err.h"
#include "interrupt.h"

static const int asking[] = { SIGTERM, SIGINT, SIGHUP };
#define ASKING (sizeof(asking) / sizeof(asking[0]))

void interrupt_hold(int hold)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ASKING; i++)
		sigaddset(&set, asking[i]);
	pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int interrupt_check(struct err *err)
{
	sigset_t set;

	if (sigpending(&set))
		return 0;
	for (size_t i = 0; i < ASKING; i++)
		if (sigismember(&set, asking[i]))
			return err_set(err, EINTR,
				"interrupted by SIG%s; the tree runs on",
				sigabbrev_np(asking[i]));
	return 0;
}
