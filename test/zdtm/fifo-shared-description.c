// SPDX-License-Identifier: GPL-2.0-only
/*
 * One fifo, open several times in two tasks: descriptors that share an open
 * file share its flags, others have their own, and the contents are there once.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int shared, own, writer;

static int open_again(int flags)
{
	return must(open(test_file("fifo"), flags));
}

static int child(void *arg)
{
	int copy = must(dup(shared));

	close(shared);
	close(writer);
	own = open_again(O_RDONLY | O_NONBLOCK);
	test_child_ready();
	test_waitsig();
	sabotage("apart", dup2(open_again(O_RDONLY | O_NONBLOCK), copy));
	if (!(fcntl(own, F_GETFL) & O_NONBLOCK) || !(fcntl(copy, F_GETFL) & O_NONBLOCK))
		return fail("flags in the child are %#x and %#x", fcntl(own, F_GETFL),
			fcntl(copy, F_GETFL));
	must(fcntl(copy, F_SETFL, O_NONBLOCK | O_APPEND));
	return 0;
}

int main(int argc, char **argv)
{
	char text[100] = "";
	pid_t pid;
	int twin;

	test_init(argc, argv);
	must(mkfifo(test_file("fifo"), 0640));
	shared = open_again(O_RDONLY | O_NONBLOCK);
	writer = open_again(O_WRONLY | O_APPEND);
	twin = must(dup(writer));
	own = open_again(O_RDWR);
	must(write(writer, "once", 4));
	pid = test_fork(child, NULL);
	test_daemon();
	test_waitsig();
	sabotage("twin", dup2(open_again(O_WRONLY | O_APPEND), twin));
	sabotage("append", fcntl(writer, F_SETFL, 0));
	sabotage("twice", write(writer, "once", 4));
	sabotage("held", open_again(O_WRONLY));
	if (!(fcntl(writer, F_GETFL) & O_APPEND) || fcntl(own, F_GETFL) & O_NONBLOCK)
		return fail("flags are %#x and %#x", fcntl(writer, F_GETFL),
			fcntl(own, F_GETFL));
	must(fcntl(twin, F_SETFL, 0));
	if (fcntl(writer, F_GETFL) & O_APPEND)
		return fail("the writers are not one open file any more");
	if (test_join(pid))
		return 1;
	if (!(fcntl(shared, F_GETFL) & O_APPEND))
		return fail("parent and child do not share the reader");
	must(write(twin, "more", 4));
	if (read(own, text, 100) != 8 || memcmp(text, "oncemore", 8))
		return fail("it held '%s'", text);
	close(own);
	close(twin);
	if (read(shared, text, 1) != -1 || errno != EAGAIN)
		return fail("without the other writers there is none: %m");
	close(writer);
	if (read(shared, text, 1) != 0)
		return fail("somebody else holds the writing end");
	pass();
	return 0;
}
