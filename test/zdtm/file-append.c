// SPDX-License-Identifier: GPL-2.0-only
/* A log opened with O_APPEND: writes go to its end, wherever the position is. */
#include "zdtm.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char text[64] = "";
	int fd, other;

	test_init(argc, argv);
	fd = must(open(test_file("log"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600));
	other = must(open(test_file("log"), O_WRONLY));
	must(write(fd, "one two ", 8));
	must(lseek(fd, 4, SEEK_SET));
	test_daemon();
	test_waitsig();
	sabotage("flag", fcntl(fd, F_SETFL, 0));
	sabotage("position", lseek(fd, 5, SEEK_SET));
	sabotage("other", fcntl(other, F_SETFL, O_APPEND));
	if (!(fcntl(fd, F_GETFL) & O_APPEND) || (fcntl(other, F_GETFL) & O_APPEND))
		return fail("flags are %#x and %#x", fcntl(fd, F_GETFL),
			fcntl(other, F_GETFL));
	if (lseek(fd, 0, SEEK_CUR) != 4)
		return fail("position is %lld", (long long)lseek(fd, 0, SEEK_CUR));
	must(write(fd, "three ", 6));
	if (lseek(fd, 0, SEEK_CUR) != 14)
		return fail("position after writing is %lld",
			(long long)lseek(fd, 0, SEEK_CUR));
	must(write(other, "ONE", 3));
	must(pread(fd, text, sizeof(text), 0));
	if (strcmp(text, "ONE two three "))
		return fail("the log holds '%s'", text);
	pass();
	return 0;
}
