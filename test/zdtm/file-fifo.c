// SPDX-License-Identifier: GPL-2.0-only
/*
 * Named fifos with something in them: one held open for both reading and
 * writing, one by a reader and a writer, one by a reader alone.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIG 20000

static char text[BIG];

static int open_fifo(const char *name, int flags)
{
	if (mkfifo(test_file(name), 0600) && errno != EEXIST)
		exit(fail("mkfifo: %m"));
	return must(open(test_file(name), flags));
}

static int expect(int fd, const char *what, size_t len)
{
	memset(text, 0, sizeof(text));
	if (read(fd, text, len) != (ssize_t)len || memcmp(text, what, len))
		return fail("read '%.20s', expected '%.20s'", text, what);
	return 0;
}

int main(int argc, char **argv)
{
	int both, reader, writer, alone, other, flags;
	struct stat st;

	test_init(argc, argv);
	both = open_fifo("both", O_RDWR);
	must(write(both, "in it", 5));
	reader = open_fifo("pair", O_RDONLY | O_NONBLOCK);
	writer = open_fifo("pair", O_WRONLY);
	fill_pattern(text, BIG, 1);
	must(write(writer, text, BIG));
	alone = open_fifo("alone", O_RDONLY | O_NONBLOCK);
	other = open_fifo("alone", O_WRONLY);
	must(write(other, "last words", 10));
	close(other);
	flags = fcntl(reader, F_GETFL);
	test_daemon();
	test_waitsig();
	sabotage("both", read(both, text, 1));
	sabotage("pair", read(reader, text, 1));
	sabotage("alone", read(alone, text, 1));
	sabotage("flags", fcntl(reader, F_SETFL, 0));
	sabotage("more", write(writer, "more", 4));
	sabotage("apart", unlink(test_file("pair")); open_fifo("pair", O_RDWR));
	if (must(fstat(reader, &st)) || !S_ISFIFO(st.st_mode))
		return fail("it is no fifo");
	if (fcntl(reader, F_GETFL) != flags)
		return fail("flags of the reader are %#x, were %#x",
			fcntl(reader, F_GETFL), flags);
	if (expect(both, "in it", 5))
		return 1;
	if (read(reader, text, BIG) != BIG || !check_pattern(text, BIG, 1))
		return fail("contents of the pair differ");
	if (read(reader, text, 1) != -1 || errno != EAGAIN)
		return fail("the pair holds too much");
	must(write(writer, "to the reader", 13));
	if (expect(reader, "to the reader", 13) || expect(alone, "last words", 10))
		return 1;
	if (read(alone, text, 1) != 0)
		return fail("no end of file without a writer");
	/* By name it is still the same fifo. */
	must(write(open_fifo("pair", O_WRONLY | O_NONBLOCK), "by name", 7));
	if (expect(reader, "by name", 7))
		return 1;
	pass();
	return 0;
}
