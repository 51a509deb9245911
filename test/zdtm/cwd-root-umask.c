// SPDX-License-Identifier: GPL-2.0-only
/*
 * Working directory and umask of two tasks, and the root directory of one
 * that has called chroot() (which only root may).
 */
#include "zdtm.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same(const char *path, const struct stat *was)
{
	struct stat is;

	return !stat(path, &is) && is.st_ino == was->st_ino && is.st_dev == was->st_dev;
}

/* Path and identity of the directory, and the mode that a new file gets. */
static int check(const char *cwd, const struct stat *was, int mode)
{
	char path[1024];
	struct stat st;

	if (!getcwd(path, sizeof(path)) || strcmp(path, cwd))
		return fail("the directory is %s, was %s", path, cwd);
	if (!same(".", was))
		return fail("%s is another directory", cwd);
	must(fstat(must(open("new", O_CREAT | O_EXCL | O_RDWR, 0777)), &st));
	if ((st.st_mode & 0777) != (mode_t)mode)
		return fail("a new file has mode %o, not %o", st.st_mode & 0777, mode);
	return 0;
}

static int child(void *arg)
{
	struct stat cwd, root;

	must(chdir(test_file("sub/deep")));
	must(stat(".", &cwd));
	umask(0137);
	if (!getuid())
		must(chroot(test_file("sub")));
	must(stat("/", &root));
	test_child_ready();
	test_waitsig();
	sabotage("child-umask", umask(0));
	sabotage("child-cwd", must(chdir("/")));
	sabotage("root", must(chroot(".")));
	if (!same("/", &root))
		return fail("the root is another directory");
	if (!getuid())
		return check("/deep", &cwd, 0640);
	return check(test_file("sub/deep"), &cwd, 0640);
}

int main(int argc, char **argv)
{
	struct stat cwd;
	pid_t pid;

	test_init(argc, argv);
	must(mkdir(test_file("sub"), 0755));
	must(mkdir(test_file("sub/deep"), 0755));
	must(mkdir(test_file("own"), 0755));
	must(chdir(test_file("own")));
	must(stat(".", &cwd));
	umask(0077);
	pid = test_fork(child, NULL);
	test_daemon();
	test_waitsig();
	sabotage("umask", umask(0022));
	sabotage("cwd", must(chdir("..")));
	if (check(test_file("own"), &cwd, 0700) || test_join(pid))
		return 1;
	pass();
	return 0;
}
