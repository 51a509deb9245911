// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child in seccomp's strict mode, where all but read, write, exit and
 * sigreturn kill: it answers through a pipe as before, and dies of anything
 * else as before. To look inside, crl must suspend the mode: CAP_SYS_ADMIN.
 *
 * zdtm: needs=root
 */
#include "task.h"
#include "zdtm.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct pipes {
	int in[2], out[2];
};

/* 'n': a call that is not allowed; 'x': exit; anything else is sent back plus one. */
static int strict(void *arg)
{
	const struct pipes *p = arg;
	char byte;

	test_child_ready();
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	while (syscall(SYS_read, p->in[0], &byte, 1) == 1) {
		if (byte == 'x')
			syscall(SYS_exit, 55);
		if (byte == 'n')
			syscall(SYS_getpid);
		byte++;
		syscall(SYS_write, p->out[1], &byte, 1);
	}
	syscall(SYS_exit, 1);
	return 1;
}

static int answers(const struct pipes *p)
{
	char byte = 'a';

	if (write(p->in[1], &byte, 1) != 1 || read(p->out[0], &byte, 1) != 1 ||
		byte != 'b')
		return fail("the child answers %c", byte);
	return 0;
}

int main(int argc, char **argv)
{
	struct pipes pipes[2];
	char mode[16] = "";
	pid_t pids[2];

	test_init(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		if (pipe(pipes[i].in) || pipe(pipes[i].out))
			return fail("pipe: %m");
		pids[i] = test_fork(strict, &pipes[i]);
		close(pipes[i].in[0]); /* so that its end is the end of the pipes */
		close(pipes[i].out[1]);
		if (answers(&pipes[i]))
			return 1;
	}

	test_daemon();
	test_waitsig();

	sabotage("mode", kill(pids[1], SIGKILL));
	for (int i = 0; i < 2; i++) {
		if (!test_status(pids[i], "Seccomp", mode, sizeof(mode)) ||
			strcmp(mode, "1"))
			return fail("mode %s, was 1", mode);
		if (answers(&pipes[i]))
			return 1;
	}
	sabotage("allowed", pids[1] = pids[0]);
	if (write(pipes[0].in[1], "x", 1) != 1 || test_reap(pids[0]) != 55)
		return fail("the child does not exit");
	if (write(pipes[1].in[1], "n", 1) != 1 || test_reap(pids[1]) != 256 + SIGKILL)
		return fail("a call that is not allowed does not kill");
	pass();
	return 0;
}
