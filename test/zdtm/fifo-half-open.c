// SPDX-License-Identifier: GPL-2.0-only
/*
 * Named fifos of which only one end is open. A reader that has never met a
 * writer sees no hangup, one whose writer has left does; a writer without a
 * reader gets EPIPE, and what it wrote before waits for the next reader.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_fifo(const char *name, int flags)
{
	if (mkfifo(test_file(name), 0600) && errno != EEXIST)
		exit(fail("mkfifo: %m"));
	return open(test_file(name), flags);
}

static int events(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	must(poll(&p, 1, 0));
	return p.revents;
}

/* A writer whose reader has left again. */
static int open_writer(const char *name)
{
	int reader = must(open_fifo(name, O_RDONLY | O_NONBLOCK));
	int writer = must(open_fifo(name, O_WRONLY));

	must(write(writer, "left behind", 11));
	close(reader);
	return writer;
}

static int check_readers(int unmet, int left)
{
	char c;

	if (events(unmet))
		return fail("a reader that never met a writer sees %#x", events(unmet));
	if (events(left) != POLLHUP || read(left, &c, 1) != 0)
		return fail("a reader whose writer has left sees %#x", events(left));
	if (read(unmet, &c, 1) != 0)
		return fail("no end of file without a writer");
	return 0;
}

static int check_writer(int writer)
{
	char text[20] = "";
	int reader;

	if (!(events(writer) & POLLERR))
		return fail("a writer without a reader sees %#x", events(writer));
	if (write(writer, "x", 1) != -1 || errno != EPIPE)
		return fail("it can be written without a reader: %m");
	if (open_fifo("writer", O_WRONLY | O_NONBLOCK) != -1 || errno != ENXIO)
		return fail("somebody holds the reading end");
	reader = must(open_fifo("writer", O_RDONLY | O_NONBLOCK));
	if (read(reader, text, 20) != 11 || memcmp(text, "left behind", 11))
		return fail("the next reader finds '%s'", text);
	must(write(writer, "again", 5));
	if (read(reader, text, 20) != 5 || memcmp(text, "again", 5))
		return fail("they are not joined");
	return 0;
}

int main(int argc, char **argv)
{
	int unmet, left, writer, other;
	char c;

	test_init(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	unmet = must(open_fifo("unmet", O_RDONLY | O_NONBLOCK));
	left = must(open_fifo("left", O_RDONLY | O_NONBLOCK));
	close(must(open_fifo("left", O_WRONLY)));
	writer = open_writer("writer");
	test_daemon();
	test_waitsig();
	sabotage("met", close(must(open_fifo("unmet", O_WRONLY))));
	sabotage("not-left", must(open_fifo("left", O_WRONLY)));
	sabotage("read", must(open_fifo("writer", O_RDONLY | O_NONBLOCK)));
	sabotage("data", read(must(open_fifo("writer", O_RDWR)), &c, 1));
	if (check_readers(unmet, left) || check_writer(writer))
		return 1;
	other = must(open_fifo("unmet", O_WRONLY | O_NONBLOCK));
	must(write(other, "m", 1));
	if (read(unmet, &c, 1) != 1 || c != 'm')
		return fail("a writer that came later is not heard");
	close(other);
	if (events(unmet) != POLLHUP)
		return fail("after its first writer it sees %#x", events(unmet));
	pass();
	return 0;
}
