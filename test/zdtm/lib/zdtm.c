// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test library: the dialogue with the runner, verdicts, patterns, children.
 *
 * Readiness is a byte written to a fifo that the runner made; the descriptor
 * lives only for that write. Going on is SIGTERM: the handler raises a flag
 * that test_waitsig() sleeps on as a futex, so that a signal which comes
 * between the look and the sleep is not lost and no signal mask is touched.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[512] = ".";
static char ready[512];
static char sabotaged[64];
static int go_on; /* futex: 1 once SIGTERM has come */
static int child_ready_fd = -1;

static void on_sigterm(int sig)
{
	int saved = errno;

	__atomic_store_n(&go_on, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &go_on, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
	errno = saved;
}

static void take(char *to, size_t size, const char *arg, const char *key)
{
	size_t n = strlen(key);

	if (!strncmp(arg, key, n))
		snprintf(to, size, "%s", arg + n);
}

void test_init(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_sigterm, .sa_flags = SA_RESTART };

	for (int i = 1; i < argc; i++) {
		take(dir, sizeof(dir), argv[i], "dir=");
		take(ready, sizeof(ready), argv[i], "ready=");
		take(sabotaged, sizeof(sabotaged), argv[i], "sabotage=");
	}
	if (sigaction(SIGTERM, &sa, NULL)) {
		fail("sigaction: %m");
		exit(1);
	}
}

void test_daemon(void)
{
	int fd;

	if (!ready[0]) {
		test_msg("ready: kill -TERM %d to go on", getpid());
		return;
	}
	fd = open(ready, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "r", 1) != 1) {
		fail("%s: %m", ready);
		exit(1);
	}
	close(fd);
}

bool test_signalled(void)
{
	return __atomic_load_n(&go_on, __ATOMIC_SEQ_CST);
}

void test_waitsig(void)
{
	while (!test_signalled())
		syscall(SYS_futex, &go_on, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

/* One write a line, so that lines of several tasks do not mix. */
static void say(const char *head, const char *fmt, va_list ap)
{
	char line[2048];
	int n = snprintf(line, sizeof(line), "%s", head);

	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) != n)
		_exit(1);
}

void test_msg(const char *fmt, ...)
{
	char head[32];
	va_list ap;
	int saved = errno;

	snprintf(head, sizeof(head), "%d: ", getpid());
	errno = saved;
	va_start(ap, fmt);
	say(head, fmt, ap);
	va_end(ap);
	errno = saved;
}

int test_fail(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char head[320];
	va_list ap;
	int saved = errno;

	snprintf(head, sizeof(head), "FAIL: %s:%d: ", base ? base + 1 : file, line);
	errno = saved;
	va_start(ap, fmt);
	say(head, fmt, ap);
	va_end(ap);
	errno = saved;
	return 1;
}

static void verdict(const char *head, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(head, fmt, ap);
	va_end(ap);
}

void pass(void)
{
	verdict("PASS", "%s", "");
}

int test_skip(const char *why)
{
	verdict("SKIP: ", "%s", why);
	return 77;
}

const char *test_file(const char *suffix)
{
	static char paths[8][1024];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), suffix ? "%s/%s" : "%s", dir, suffix);
	return path;
}

bool test_sabotaged(const char *name)
{
	return sabotaged[0] && !strcmp(sabotaged, name);
}

/* The i-th word of the pattern: a mixing function of a Weyl sequence. */
static uint64_t pattern_word(uint64_t seed, uint64_t i)
{
	uint64_t z = (seed + 1) * 0xd1342543de82ef95ULL + (i + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void fill_pattern(void *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = pattern_word(seed, i / 8);

		memcpy((char *)p + i, &word, n - i < 8 ? n - i : 8);
	}
}

bool check_pattern(const void *p, size_t n, uint64_t seed)
{
	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = pattern_word(seed, i / 8);

		if (memcmp((const char *)p + i, &word, n - i < 8 ? n - i : 8)) {
			test_msg("pattern %#llx differs at byte %zu of %zu",
				(unsigned long long)seed, i, n);
			return false;
		}
	}
	return true;
}

pid_t test_fork(int (*fn)(void *arg), void *arg)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) || (pid = fork()) < 0) {
		fail("pipe or fork: %m");
		exit(1);
	}
	if (!pid) {
		close(fds[0]);
		if (child_ready_fd >= 0) /* of a parent that is not ready itself */
			close(child_ready_fd);
		child_ready_fd = fds[1];
		__atomic_store_n(&go_on, 0, __ATOMIC_SEQ_CST);
		exit(fn(arg));
	}
	close(fds[1]);
	if (read(fds[0], &byte, 1) != 1) {
		fail("child %d did not get ready", pid);
		exit(1);
	}
	close(fds[0]);
	return pid;
}

void test_child_ready(void)
{
	if (write(child_ready_fd, "r", 1) != 1) {
		fail("child ready: %m");
		exit(1);
	}
	close(child_ready_fd);
	child_ready_fd = -1;
}

int test_reap(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got != pid)
		return -1;
	return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

int test_join_at(const char *file, int line, pid_t pid)
{
	int status;

	if (kill(pid, SIGTERM))
		return test_fail(file, line, "kill child %d: %m", pid);
	status = test_reap(pid);
	if (status < 0)
		return test_fail(file, line, "wait for child %d: %m", pid);
	return status ? test_fail(file, line, "child %d: exit status %d", pid, status)
		      : 0;
}
