// SPDX-License-Identifier: GPL-2.0-only
/* A child to try things on: see subject.h. */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/err.h"
#include "task/subject.h"

static __attribute__((noreturn)) void live(int line, pid_t parent, int (*setup)(void))
{
	int answer = 0;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (setup)
		answer = setup();
	if (write(line, &answer, sizeof(answer)) == sizeof(answer))
		while (read(line, &byte, 1) < 0)
			;
	_exit(0);
}

int subject_start(struct subject *s, int (*setup)(void), struct err *err)
{
	pid_t parent = getpid();
	int line[2], answer = 0;
	ssize_t n;

	*s = (struct subject){ .line = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
		return err_os(err, errno, "socketpair");
	s->line = line[0];
	s->pid = fork();
	if (!s->pid) {
		close(line[0]);
		live(line[1], parent, setup);
	}
	close(line[1]);
	if (s->pid < 0) {
		s->pid = 0;
		return err_os(err, errno, "fork");
	}
	do
		n = read(s->line, &answer, sizeof(answer));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(answer))
		return err_set(err, ESRCH, "a child of our own has died");
	return answer ? err_os(err, -answer, "in a child of our own") : 0;
}

int subject_stop(struct subject *s, unsigned options, struct err *err)
{
	int status;

	if (ptrace(PTRACE_SEIZE, s->pid, 0, (unsigned long)options))
		return err_os(err, errno, "PTRACE_SEIZE");
	if (ptrace(PTRACE_INTERRUPT, s->pid, 0, 0))
		return err_os(err, errno, "PTRACE_INTERRUPT");
	if (waitpid(s->pid, &status, __WALL) != s->pid || !WIFSTOPPED(status))
		return err_set(err, ESRCH, "a child of our own did not stop");
	return 0;
}

void subject_end(struct subject *s)
{
	int status;

	if (s->line >= 0)
		close(s->line);
	s->line = -1;
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, &status, __WALL) > 0 && WIFSTOPPED(status))
		;
	s->pid = 0;
}
