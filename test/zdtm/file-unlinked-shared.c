// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two open files (one in a child) and a mapping of one unlinked file: still
 * the same file, each with a position of its own.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int rw, ro;
static char *p;

static void make_apart(int fd, int pos)
{
	char text[PAGE];
	int other = open(test_file("apart"), O_RDWR | O_CREAT, 0600);

	must(pread(fd, text, PAGE, 0));
	must(write(other, text, PAGE));
	must(unlink(test_file("apart")));
	lseek(other, pos, SEEK_SET);
	dup2(other, fd);
}

static int child(void *arg)
{
	char text[8];

	rw = must(open(test_file("file"), O_RDWR));
	must(lseek(rw, 20, SEEK_SET));
	test_child_ready();
	test_waitsig();
	sabotage("child", make_apart(rw, 20));
	if (lseek(rw, 0, SEEK_CUR) != 20)
		return fail("position in the child is %lld",
			(long long)lseek(rw, 0, SEEK_CUR));
	if (pread(rw, text, 6, 0) != 6 || memcmp(text, "parent", 6))
		return fail("the child does not see what its parent wrote");
	must(pwrite(rw, "child", 5, 100));
	return 0;
}

int main(int argc, char **argv)
{
	struct stat one, two;
	char text[PAGE];
	pid_t pid;

	test_init(argc, argv);
	rw = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	ro = must(open(test_file("file"), O_RDONLY));
	fill_pattern(text, PAGE, 1);
	must(write(rw, text, PAGE));
	must(lseek(rw, 10, SEEK_SET));
	p = must(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, rw, 0));
	pid = test_fork(child, NULL);
	must(unlink(test_file("file")));
	test_daemon();
	test_waitsig();
	sabotage("apart", make_apart(ro, PAGE));
	sabotage("position", lseek(ro, 1, SEEK_SET));
	sabotage("content", p[9]++);
	sabotage("mapping",
		 mmap(p, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, rw, 0);
		 *(volatile char *)p ^= 0);
	must(fstat(rw, &one));
	must(fstat(ro, &two));
	if (one.st_ino != two.st_ino || one.st_dev != two.st_dev || one.st_nlink)
		return fail("the two are not one unlinked file");
	if (lseek(rw, 0, SEEK_CUR) != 10 || lseek(ro, 0, SEEK_CUR) != 0)
		return fail("positions differ");
	if (!check_pattern(p, PAGE, 1))
		return fail("contents differ");
	must(pwrite(rw, "parent", 6, 0));
	if (memcmp(p, "parent", 6))
		return fail("the mapping is of another file");
	if (test_join(pid))
		return 1;
	if (pread(ro, text, 5, 100) != 5 || memcmp(text, "child", 5) ||
		memcmp(p + 100, "child", 5))
		return fail("what the child wrote is not seen");
	if (write(ro, "x", 1) >= 0)
		return fail("what was opened read-only can be written");
	pass();
	return 0;
}
