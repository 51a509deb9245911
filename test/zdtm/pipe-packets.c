// SPDX-License-Identifier: GPL-2.0-only
/* Packets that wait in an O_DIRECT pipe stay apart from each other. */
#include "zdtm.h"

#include <fcntl.h>
#include <unistd.h>

static const int sizes[] = { 5, 1, 4096, 100, 100, 3000, 5000 /* two packets */ };
static const int packets[] = { 5, 1, 4096, 100, 100, 3000, 4096, 904 };

int main(int argc, char **argv)
{
	char text[8192];
	int fd[2];

	test_init(argc, argv);
	must(pipe2(fd, O_DIRECT));
	for (int i = 0; i < 7; i++) {
		fill_pattern(text, sizes[i], i);
		must(write(fd[1], text, sizes[i]));
	}
	test_daemon();
	test_waitsig();
	sabotage("gone", read(fd[0], text, 2));
	sabotage("joined", for (int i = 0; i < 8; i++) read(fd[0], text, 8192); pipe(fd);
		 write(fd[1], text, 100));
	for (int i = 0; i < 8; i++) {
		int n = must(read(fd[0], text + 4096 * (i == 7), 4096));

		if (n != packets[i])
			return fail("packet %d has %d bytes, not %d", i, n, packets[i]);
		if (i < 6 ? !check_pattern(text, n, i)
			  : i == 7 && !check_pattern(text, 5000, 6))
			return fail("packet %d differs", i);
	}
	pass();
	return 0;
}
