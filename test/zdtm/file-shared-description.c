// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors made by dup() and inherited through fork() share one open file
 * and so its position and flags; a file opened twice does not.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <unistd.h>

static int fd, copy, apart, child_only;

static int position(int at)
{
	return lseek(at, 0, SEEK_CUR);
}

static void open_again(int at)
{
	int pos = position(at), other = open(test_file("file"), O_RDWR | O_NONBLOCK);

	lseek(other, pos, SEEK_SET);
	dup2(other, at);
	close(other);
}

static int child(void *arg)
{
	int own = must(dup2(must(dup(fd)), 77));

	close(fd); /* shares it under other numbers only */
	child_only = must(open(test_file("file"), O_RDWR));
	must(lseek(child_only, 7, SEEK_SET));
	test_child_ready();
	test_waitsig();
	sabotage("child", open_again(own));
	if (position(own) != 1000 || position(copy) != 1000)
		return fail("positions in the child are %d and %d", position(own),
			position(copy));
	if (position(child_only) != 7 || position(apart) != 500)
		return fail("position of another open file in the child: %d, %d",
			position(child_only), position(apart));
	must(lseek(own, 2000, SEEK_SET));
	must(lseek(apart, 600, SEEK_SET));
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	copy = must(dup(fd));
	apart = must(open(test_file("file"), O_RDWR));
	must(lseek(fd, 100, SEEK_SET));
	must(lseek(apart, 500, SEEK_SET));
	pid = test_fork(child, NULL);
	test_daemon();
	test_waitsig();
	sabotage("dup", open_again(copy));
	sabotage("apart", dup2(fd, apart));
	if (position(fd) != 100 || position(copy) != 100 || position(apart) != 500)
		return fail("positions are %d %d %d", position(fd), position(copy),
			position(apart));
	must(lseek(copy, 1000, SEEK_SET));
	if (position(fd) != 1000 || position(apart) != 500)
		return fail(
			"after a move of the copy: %d %d", position(fd), position(apart));
	must(fcntl(fd, F_SETFL, O_NONBLOCK));
	if (!(fcntl(copy, F_GETFL) & O_NONBLOCK) || fcntl(apart, F_GETFL) & O_NONBLOCK)
		return fail("flags are not shared, or too widely");
	if (test_join(pid))
		return 1;
	if (position(fd) != 2000 || position(apart) != 600)
		return fail(
			"after moves by the child: %d %d", position(fd), position(apart));
	pass();
	return 0;
}
