// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * While the stub runs, every signal but one is blocked, so the stops that can
 * be seen are: the signal that ends a batch; SIGSTOP and the group-stop behind
 * it, both let through; a fault of the stub itself, which is an error; death.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "stop.h"

#define LOOKS 300 /* some 50 us */

int stop_continue(pid_t tid, struct err *err)
{
	if (ptrace(PTRACE_CONT, tid, 0, 0))
		return err_os(err, errno, "thread %d: continue", tid);
	return 0;
}

/*
 * Most batches are over in a few microseconds, less than it takes to put this
 * thread to sleep and wake it again: look a few times before that, unless the
 * batch can only run when we do not.
 */
static pid_t wait_soon(pid_t tid, enum stop_place place, int *status)
{
	for (int i = 0; i < LOOKS && place == STOP_ELSEWHERE; i++) {
		pid_t pid = waitpid(tid, status, __WALL | WNOHANG);

		if (pid)
			return pid;
	}
	return waitpid(tid, status, __WALL);
}

int stop_wait(pid_t tid, int signo, enum stop_place place, struct err *err)
{
	for (;;) {
		int status, sig, event;

		if (wait_soon(tid, place, &status) < 0) {
			if (errno == EINTR)
				continue;
			return err_os(err, errno, "thread %d: wait", tid);
		}
		if (!WIFSTOPPED(status))
			return err_set(err, ESRCH,
				"thread %d died while it was being worked on (%s %d)",
				tid, WIFSIGNALED(status) ? "signal" : "exit status",
				WIFSIGNALED(status) ? WTERMSIG(status)
						    : WEXITSTATUS(status));
		sig = WSTOPSIG(status);
		event = status >> 16;
		if (!event && sig == signo)
			return 0;
		if (!event && (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL ||
				      sig == SIGSYS || sig == SIGTRAP))
			return err_set(err, EFAULT,
				"thread %d: the stub failed with signal %d", tid, sig);
		if (ptrace(PTRACE_CONT, tid, 0, event ? 0 : sig))
			return err_os(err, errno, "thread %d: continue", tid);
	}
}

int stop_run(pid_t tid, int signo, struct err *err)
{
	int ret = stop_continue(tid, err);

	return ret || FAULT(VISIT_RUNNING) ? ret
					   : stop_wait(tid, signo, STOP_ELSEWHERE, err);
}
