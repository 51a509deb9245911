// SPDX-License-Identifier: GPL-2.0-only
/*
 * An open file whose name is gone: contents (with a hole), size, mode, owner
 * and position; and another file that has the name by now is left alone.
 */
#include "zdtm.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE 50000
#define HOLE 1000000

static int entries(void)
{
	DIR *dir = opendir(test_file(NULL));
	int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int check_stat(int fd, const struct stat *was)
{
	struct stat is;

	must(fstat(fd, &is));
	sabotage("mode", is.st_mode ^= 0100);
	sabotage("size", is.st_size++);
	if (is.st_nlink)
		return fail("it has %d names", (int)is.st_nlink);
	if (is.st_size != was->st_size || is.st_mode != was->st_mode ||
		is.st_uid != was->st_uid || is.st_gid != was->st_gid)
		return fail("size %lld mode %o owner %d:%d", (long long)is.st_size,
			is.st_mode, is.st_uid, is.st_gid);
	return 0;
}

int main(int argc, char **argv)
{
	static char text[SIZE];
	struct stat was;
	int fd, other, names;

	test_init(argc, argv);
	fd = must(open(test_file("file"), O_RDWR | O_CREAT | O_TRUNC, 0600));
	fill_pattern(text, SIZE, 1);
	must(write(fd, text, SIZE));
	must(pwrite(fd, "end", 3, HOLE));
	must(fchmod(fd, 0651));
	must(unlink(test_file("file")));
	other = must(open(test_file("file"), O_RDWR | O_CREAT | O_EXCL, 0600));
	must(write(other, "other", 5));
	must(lseek(fd, 4321, SEEK_SET));
	must(fstat(fd, &was));
	names = entries();
	test_daemon();
	test_waitsig();
	sabotage("content", must(pwrite(fd, "x", 1, 777)));
	sabotage("end", must(pwrite(fd, "x", 1, HOLE)));
	sabotage("position", lseek(fd, 0, SEEK_SET));
	sabotage("linked", dup2(other, fd); lseek(fd, 4321, SEEK_SET));
	sabotage("left", must(open(test_file("left"), O_CREAT, 0600)));
	sabotage("other", must(pwrite(other, "x", 1, 2)));
	if (lseek(fd, 0, SEEK_CUR) != 4321)
		return fail("position is %lld", (long long)lseek(fd, 0, SEEK_CUR));
	if (check_stat(fd, &was))
		return 1;
	if (entries() != names)
		return fail("%d names in the directory, were %d", entries(), names);
	memset(text, 0, SIZE);
	must(pread(fd, text, SIZE, 0));
	if (!check_pattern(text, SIZE, 1))
		return fail("contents differ");
	if (pread(fd, text, SIZE, HOLE - 1) != 4 || memcmp(text, "\0end", 4))
		return fail("contents after the hole differ");
	if (pwrite(fd, "new", 3, 0) != 3 || pread(fd, text, 3, 0) != 3 ||
		memcmp(text, "new", 3))
		return fail("it cannot be written");
	if (pread(other, text, 9, 0) != 5 || memcmp(text, "other", 5) ||
		access(test_file("file"), F_OK))
		return fail("the file that has the name now is not as it was");
	pass();
	return 0;
}
