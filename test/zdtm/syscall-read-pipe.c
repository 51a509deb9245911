// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread blocked in a read of an empty pipe, one blocked in a write to a full
 * one, and a child blocked in a read of a third: each goes on with its call.
 */
#include "blocked.h"
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char got[16], block[4096];

static void on_signal(int sig)
{
}

/* Reads once, with the same raw call; the parent sees it blocked. */
static int child(void *arg)
{
	const int *fds = arg;
	char text[8] = "";
	long n;

	test_child_ready();
	n = syscall(SYS_read, fds[0], text, sizeof(text));
	return n == 5 && !strcmp(text, "child") ? 0 : fail("read %ld: %m", n);
}

int main(int argc, char **argv)
{
	int empty[2], full[2], third[2];
	ssize_t room = 0, n;
	pid_t pid;

	test_init(argc, argv);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	if (pipe(empty) || pipe2(full, O_NONBLOCK) || pipe(third))
		return fail("pipe: %m");
	while ((n = write(full[1], block, sizeof(block))) > 0)
		room += n;
	fcntl(full[1], F_SETFL, 0);
	fill_pattern(block, sizeof(block), 1);

	struct blocked reader = { .nr = SYS_read,
		.args = { empty[0], (long)got, sizeof(got) } };
	struct blocked writer = { .nr = SYS_write,
		.args = { full[1], (long)block, sizeof(block) } };

	pid = test_fork(child, third);
	test_wait_syscall(pid, SYS_read);
	blocked_start(&reader);
	blocked_start(&writer);

	test_daemon();
	test_waitsig();

	sabotage("eintr", pthread_kill(reader.thread, SIGUSR1));
	sabotage("write", pthread_kill(writer.thread, SIGUSR1));
	sabotage("child", kill(pid, SIGKILL));
	test_sleep_ms(20); /* for a call that ended too early to show itself */
	if (write(empty[1], "hello", 5) != 5 || write(third[1], "child", 5) != 5)
		return fail("write: %m");
	blocked_end(&reader);
	if (blocked_check(&reader, 5) || strcmp(got, "hello"))
		return fail("read \"%s\"", got);
	for (char buf[4096]; room > 0; room -= n)
		if ((n = read(full[0], buf, sizeof(buf))) <= 0)
			return fail("read: %m, %zd bytes missing", room);
	blocked_end(&writer);
	if (blocked_check(&writer, sizeof(block)) ||
		read(full[0], block, sizeof(block)) < 4096 ||
		!check_pattern(block, sizeof(block), 1))
		return fail("the block written at last is another one");
	if (test_reap(pid))
		return fail("the child");
	pass();
	return 0;
}
