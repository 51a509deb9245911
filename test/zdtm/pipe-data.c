// SPDX-License-Identifier: GPL-2.0-only
/* Contents of pipes, in order: written in pieces, partly read, full, empty. */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PIECES, PARTLY, FULL, EMPTY, PIPES };
#define BIG 100000

static char text[BIG];
static int fd[PIPES][2];

static size_t fill_up(int to)
{
	size_t n = 0;
	ssize_t once;

	fill_pattern(text, BIG, FULL);
	fcntl(to, F_SETFL, O_NONBLOCK);
	while ((once = write(to, text + n, BIG - n)) > 0)
		n += once;
	return n;
}

static int expect(int i, size_t size, size_t skip)
{
	int there;

	if (ioctl(fd[i][0], FIONREAD, &there) || there != (int)(size - skip))
		return fail("pipe %d holds %d bytes, not %zu", i, there, size - skip);
	fill_pattern(text, skip, i);
	for (size_t n = skip; n < size;)
		n += must(read(fd[i][0], text + n, size - n));
	return check_pattern(text, size, i) ? 0 : fail("contents of pipe %d differ", i);
}

int main(int argc, char **argv)
{
	size_t full;

	test_init(argc, argv);
	for (int i = 0; i < PIPES; i++)
		must(pipe2(fd[i], 0));
	fill_pattern(text, 40000, PIECES);
	for (size_t n = 0, step = 1; n < 40000; n += step, step = step * 2 % 9973)
		must(write(fd[PIECES][1], text + n, n + step > 40000 ? 40000 - n : step));
	fill_pattern(text, 9000, PARTLY);
	must(write(fd[PARTLY][1], text, 9000));
	must(read(fd[PARTLY][0], text, 5001));
	full = fill_up(fd[FULL][1]);
	test_daemon();
	test_waitsig();
	sabotage("pieces", read(fd[PIECES][0], text, 1));
	sabotage("order", char c = 0; read(fd[PARTLY][0], &c, 1);
		 write(fd[PARTLY][1], &c, 1));
	sabotage("full", read(fd[FULL][0], text, 5000));
	sabotage("empty", write(fd[EMPTY][1], "x", 1));
	if (write(fd[FULL][1], "x", 1) != -1 || errno != EAGAIN)
		return fail("the full pipe takes more");
	if (expect(PIECES, 40000, 0) || expect(PARTLY, 9000, 5001) ||
		expect(FULL, full, 0) || expect(EMPTY, 0, 0))
		return 1;
	for (int i = 0; i < PIPES; i++)
		if (write(fd[i][1], &i, sizeof(i)) != sizeof(i) ||
			read(fd[i][0], text, 99) != sizeof(i) || *(int *)text != i)
			return fail("pipe %d does not work on", i);
	pass();
	return 0;
}
