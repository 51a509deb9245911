// SPDX-License-Identifier: GPL-2.0-only
/* Capacity of pipes, with more inside than an ordinary one holds; flags of both ends. */
#include "zdtm.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#define BIG 200000

static char text[BIG];

static const struct row {
	int capacity, read_flags, write_flags, data;
} rows[] = {
	{ 1 << 18, O_NONBLOCK, 0, BIG },
	{ 1 << 12, 0, O_NONBLOCK, 1000 },
	{ 1 << 16, O_NONBLOCK, O_NONBLOCK, 0 },
	{ 1 << 14, 0, O_DIRECT, 0 },
	{ 1 << 20, O_NOATIME | O_NONBLOCK, O_APPEND, 0 },
};

#define N (sizeof(rows) / sizeof(*rows))

static int fd[N][2];

static int check(size_t i)
{
	const struct row *r = &rows[i];
	int flags[2] = { fcntl(fd[i][0], F_GETFL), fcntl(fd[i][1], F_GETFL) };

	if (fcntl(fd[i][0], F_GETPIPE_SZ) != r->capacity)
		return fail(
			"capacity of pipe %zu is %d", i, fcntl(fd[i][0], F_GETPIPE_SZ));
	if (flags[0] != (O_RDONLY | r->read_flags) ||
		flags[1] != (O_WRONLY | r->write_flags))
		return fail("flags of pipe %zu are %#x, %#x", i, flags[0], flags[1]);
	for (int n = 0; n < r->data;)
		n += must(read(fd[i][0], text + n, r->data - n));
	if (!check_pattern(text, r->data, i))
		return fail("contents of pipe %zu differ", i);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (size_t i = 0; i < N; i++) {
		must(pipe(fd[i]));
		must(fcntl(fd[i][1], F_SETPIPE_SZ, rows[i].capacity));
		fill_pattern(text, rows[i].data, i);
		must(write(fd[i][1], text, rows[i].data));
		must(fcntl(fd[i][0], F_SETFL, rows[i].read_flags));
		must(fcntl(fd[i][1], F_SETFL, rows[i].write_flags));
	}
	test_daemon();
	test_waitsig();
	sabotage("small", fcntl(fd[1][0], F_SETPIPE_SZ, 1 << 13));
	sabotage("large", fcntl(fd[0][0], F_SETPIPE_SZ, 1 << 20));
	sabotage("read-flags", fcntl(fd[0][0], F_SETFL, 0));
	sabotage("write-flags", fcntl(fd[1][1], F_SETFL, 0));
	sabotage("packets", fcntl(fd[3][1], F_SETFL, 0));
	sabotage("content", read(fd[0][0], text, 9); write(fd[0][1], text, 9));
	for (size_t i = 0; i < N; i++)
		if (check(i))
			return 1;
	/* Packet mode at work: a read gives at most one packet. */
	must(write(fd[3][1], "first", 5));
	must(write(fd[3][1], "second", 6));
	if (read(fd[3][0], text, 100) != 5 || read(fd[3][0], text, 3) != 3)
		return fail("the pipe does not keep packets apart");
	pass();
	return 0;
}
