// SPDX-License-Identifier: GPL-2.0-only
/* Close-on-exec belongs to the descriptor: of two that share an open file one has it. */
#include "zdtm.h"

#include <fcntl.h>
#include <unistd.h>

#define N 20

/* A mixture that is not periodic. */
static bool has_cloexec(int i)
{
	return (i * i) % 3 == 1 || i == 9;
}

int main(int argc, char **argv)
{
	int fd[N], first, pos;

	test_init(argc, argv);
	first = must(
		open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	for (int i = 0; i < N; i++)
		fd[i] = must(fcntl(
			first, has_cloexec(i) ? F_DUPFD_CLOEXEC : F_DUPFD, 30 + 2 * i));
	test_daemon();
	test_waitsig();
	sabotage("cleared", fcntl(fd[9], F_SETFD, 0));
	sabotage("set", fcntl(fd[3], F_SETFD, FD_CLOEXEC));
	sabotage("first", fcntl(first, F_SETFD, 0));
	sabotage("apart", dup2(must(open(test_file("file"), O_RDWR)), fd[0]));
	if (fcntl(first, F_GETFD) != FD_CLOEXEC)
		return fail("first: flags are %d", fcntl(first, F_GETFD));
	for (int i = 0; i < N; i++)
		if (fcntl(fd[i], F_GETFD) != (has_cloexec(i) ? FD_CLOEXEC : 0))
			return fail("descriptor %d: flags are %d", fd[i],
				fcntl(fd[i], F_GETFD));
	must(lseek(first, 99, SEEK_SET));
	for (int i = 0; i < N; i++)
		if ((pos = lseek(fd[i], 0, SEEK_CUR)) != 99)
			return fail(
				"descriptor %d: position %d is not shared", fd[i], pos);
	pass();
	return 0;
}
