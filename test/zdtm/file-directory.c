// SPDX-License-Identifier: GPL-2.0-only
/* An open directory, read half way: the other half follows. And one that is only a place
 * (O_PATH). */
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES 60

struct dirent64 {
	uint64_t ino, off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* An open directory read half way: the other half follows. And one that is O_PATH. */
static int read_some(int fd, char *list, size_t size)
{
	_Alignas(8) char buf[200];
	int n = 0;
	long got = must(syscall(SYS_getdents64, fd, buf, sizeof(buf)));

	for (long at = 0; at < got; n++) {
		struct dirent64 *d = (void *)(buf + at);
		size_t len = strlen(list);

		snprintf(list + len, size - len, "%s ", d->name);
		at += d->len;
	}
	return n;
}

static void read_rest(int fd, char *list, size_t size)
{
	while (read_some(fd, list, size))
		;
}

int main(int argc, char **argv)
{
	static char was[4096], is[4096];
	int fd, place, n = 0;
	off_t middle;
	int flags;

	test_init(argc, argv);
	for (int i = 0; i < FILES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "name-%d", i * 7919);
		close(must(open(test_file(name), O_CREAT | O_WRONLY, 0600)));
	}
	fd = must(open(test_file(NULL), O_RDONLY | O_DIRECTORY));
	place = must(open(test_file(NULL), O_PATH | O_DIRECTORY | O_CLOEXEC));
	while (n < FILES / 2)
		n += read_some(fd, is, sizeof(is));
	middle = lseek(fd, 0, SEEK_CUR);
	is[0] = '\0';
	read_rest(fd, was, sizeof(was));
	must(lseek(fd, middle, SEEK_SET));
	flags = fcntl(fd, F_GETFL);
	test_daemon();
	test_waitsig();
	sabotage("position", lseek(fd, 0, SEEK_SET));
	sabotage("end", read_rest(fd, is, sizeof(is)); is[0] = '\0');
	sabotage("place", dup2(fd, place));
	sabotage("flags", fcntl(fd, F_SETFL, O_NONBLOCK));
	read_rest(fd, is, sizeof(is));
	if (strcmp(is, was))
		return fail("the rest is '%.60s...', was '%.60s...'", is, was);
	if (!(fcntl(place, F_GETFL) & O_PATH) || fcntl(place, F_GETFD) != FD_CLOEXEC)
		return fail(
			"flags of the O_PATH directory are %#x", fcntl(place, F_GETFL));
	if (fcntl(fd, F_GETFL) != flags)
		return fail("flags of the directory are %#x, were %#x",
			fcntl(fd, F_GETFL), flags);
	if (faccessat(fd, "name-0", F_OK, 0) || faccessat(place, "name-7919", F_OK, 0))
		return fail("a file is not found from the directory: %m");
	pass();
	return 0;
}
