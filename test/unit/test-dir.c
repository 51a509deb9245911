// SPDX-License-Identifier: GPL-2.0-only
/* The transaction of an image directory: whole or not at all, whoever is killed when. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "image/scratch.h"

#include "image/dir.h"

static void put_in(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
}

static void put_images(int dirfd, int nr)
{
	char name[32];

	put_in(dirfd, "inventory.img", "inventory");
	put_in(dirfd, "crl-sums.img", "sums");
	for (int i = 0; i < nr; i++) {
		snprintf(name, sizeof(name), "core-%d.img", i);
		put_in(dirfd, name, "core");
	}
}

static void commit_nr(unsigned int nr)
{
	struct image_dir dir;

	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	put_images(dir.fd, nr);
	CU_ASSERT_FALSE(there("inventory.img"));
	CU_ASSERT_FALSE(there("core-0.img"));
	CU_ASSERT_EQUAL(how_many(), 1);
	CHECK_OK(image_dir_commit(&dir, &err));
	CU_ASSERT(there("inventory.img"));
	CU_ASSERT_EQUAL(how_many(), nr + 2);
	CU_ASSERT_EQUAL(length_of("core-0.img"), 4);
	image_dir_abort(&dir);
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(how_many(), nr + 2);
}

static void commit_few(void)
{
	commit_nr(3);
}

static void commit_many(void)
{
	commit_nr(500);
}

static void private_mode(void)
{
	struct image_dir dir;
	struct stat st;

	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	CU_ASSERT_EQUAL(strncmp(dir.name, ".crl-", 5), 0);
	CU_ASSERT_EQUAL(strlen(dir.name), 11);
	CU_ASSERT_EQUAL(fstatat(scratch, dir.name, &st, AT_SYMLINK_NOFOLLOW), 0);
	CU_ASSERT_EQUAL(st.st_mode, S_IFDIR | 0700);
	CU_ASSERT(fcntl(dir.fd, F_GETFD) & FD_CLOEXEC);
	image_dir_abort(&dir);
}

static void abort_leaves_nothing(void)
{
	struct image_dir dir;

	put_file("notes.txt", "mine", 4, 0);
	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	put_images(dir.fd, 3);
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(how_many(), 1);
	CU_ASSERT(there("notes.txt"));
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(dir.fd, -1);
	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	image_dir_abort(&dir);
}

static void no_inventory(void)
{
	struct image_dir dir;

	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	put_in(dir.fd, "core-1.img", "core");
	CHECK_FAILS(image_dir_commit(&dir, &err), EINVAL, "inventory.img");
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(how_many(), 0);
}

static void holds_a_dump(void)
{
	struct image_dir dir;

	put_file("inventory.img", "old", 3, 0);
	CHECK_FAILS(image_dir_begin(&dir, scratch, &err), EEXIST, "already holds a dump");
	CU_ASSERT_EQUAL(how_many(), 1);
	CU_ASSERT_EQUAL(length_of("inventory.img"), 3);
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(unlinkat(scratch, "inventory.img", 0), 0);
	put_file("core-17.img", "old", 3, 0);
	CHECK_FAILS(image_dir_begin(&dir, scratch, &err), EEXIST, "holds core-17.img");
	CU_ASSERT_EQUAL(how_many(), 1);
}

static void not_a_directory(void)
{
	struct image_dir dir;
	int fd;

	put_file("file", "x", 1, 0);
	fd = openat(scratch, "file", O_RDONLY);
	CHECK_FAILS(image_dir_begin(&dir, fd, &err), ENOTDIR, "Not a directory");
	close(fd);
}

/* In a child, so that the identity and the mounts of the test stay. */
static int in_child(int (*run)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int begin_as_nobody(void)
{
	struct image_dir dir;

	bool root = geteuid() == 0;

	if (fchmod(scratch, 0555) || (root && (setgid(65534) || setuid(65534))))
		return 2;
	if (image_dir_begin(&dir, scratch, &err) != -EACCES)
		return 1;
	return strstr(err.text, "create a directory in it: Permission denied") ? 0 : 1;
}

static void not_writable(void)
{
	CU_ASSERT_EQUAL(in_child(begin_as_nobody), 0);
	CU_ASSERT_EQUAL(fchmod(scratch, 0700), 0);
	CU_ASSERT_EQUAL(how_many(), 0);
}

/* A rename in the middle fails: a directory stands where a file should go. */
static void commit_fails_midway(void)
{
	struct image_dir dir;

	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	put_images(dir.fd, 100);
	CU_ASSERT_EQUAL(mkdirat(scratch, "core-50.img", 0700), 0);
	CHECK_FAILS(image_dir_commit(&dir, &err), EEXIST, "core-50.img: move into place");
	CU_ASSERT_EQUAL(how_many(), 2);
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(how_many(), 1);
	CU_ASSERT(there("core-50.img"));
}

/* Another program has put a dump there meanwhile: it stays as it is. */
static void overtaken(void)
{
	struct image_dir dir;

	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	put_images(dir.fd, 40);
	put_file("inventory.img", "theirs!", 7, 0);
	CHECK_FAILS(
		image_dir_commit(&dir, &err), EEXIST, "inventory.img: move into place");
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(how_many(), 1);
	CU_ASSERT_EQUAL(length_of("inventory.img"), 7);
}

enum { KILL_BEFORE_COMMIT, KILL_BEFORE_MOVES, KILL_BETWEEN_MOVES, KILL_AFTER_MOVES };

/* A crl that dies at a given point of its transaction, with nobody to clean up. */
static void die_at(int point)
{
	struct names names = { 0 };
	struct image_dir dir;
	int status;
	pid_t pid = fork();

	if (pid) {
		CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
		CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		return;
	}
	if (image_dir_begin(&dir, scratch, &err))
		_exit(1);
	put_images(dir.fd, 10);
	names_read(&names, dir.fd);
	if (point > KILL_BEFORE_COMMIT && names_store(&names, dir.fd, "journal"))
		_exit(1);
	for (int i = 0; i < 10 && point > KILL_BEFORE_MOVES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "core-%d.img", i);
		if (i < 5 || point > KILL_BETWEEN_MOVES)
			renameat(dir.fd, name, scratch, name);
	}
	if (point == KILL_AFTER_MOVES) {
		renameat(dir.fd, "crl-sums.img", scratch, "crl-sums.img");
		renameat(dir.fd, "inventory.img", scratch, "inventory.img");
	}
	raise(SIGKILL);
	_exit(1);
}

static void killed(int point, size_t left)
{
	struct image_dir dir;

	put_file("notes.txt", "mine", 4, 0);
	die_at(point);
	CU_ASSERT_EQUAL(how_many(), left);
	CU_ASSERT_FALSE(there("inventory.img"));
	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	CU_ASSERT_EQUAL(how_many(), 2);
	put_images(dir.fd, 2);
	CHECK_OK(image_dir_commit(&dir, &err));
	CU_ASSERT_EQUAL(how_many(), 5);
}

static void killed_before_commit(void)
{
	killed(KILL_BEFORE_COMMIT, 2);
}

static void killed_before_moves(void)
{
	killed(KILL_BEFORE_MOVES, 2);
}

static void killed_between_moves(void)
{
	killed(KILL_BETWEEN_MOVES, 7);
}

/* All had moved: that dump is complete, only its private directory goes. */
static void killed_after_moves(void)
{
	struct image_dir dir;

	die_at(KILL_AFTER_MOVES);
	CU_ASSERT_EQUAL(how_many(), 13);
	CHECK_FAILS(image_dir_begin(&dir, scratch, &err), EEXIST, "already holds a dump");
	CU_ASSERT_EQUAL(how_many(), 12);
	CU_ASSERT(there("core-9.img"));
}

/* Only what has the name and the inode of the journal is removed. */
static void hostile_journal(void)
{
	struct image_dir dir;
	struct stat st;
	char journal[256];
	int len;

	put_file("precious", "data", 4, 0);
	put_file("below.img", "data", 4, 0);
	CU_ASSERT_EQUAL(mkdirat(scratch, ".crl-aaaaaa", 0700), 0);
	fstatat(scratch, "precious", &st, 0);
	len = snprintf(journal, sizeof(journal),
		"%llu ../precious\n%llu ./precious\n1 below.img\n%llu "
		"preciousX",
		(unsigned long long)st.st_ino, (unsigned long long)st.st_ino,
		(unsigned long long)st.st_ino);
	put_file(".crl-aaaaaa/journal", journal, len, 0);
	put_file(".crl-aaaaaa/inventory.img", "x", 1, 0);
	CHECK_FAILS(image_dir_begin(&dir, scratch, &err), EEXIST, "holds below.img");
	CU_ASSERT(there("precious"));
	CU_ASSERT(there("below.img"));
	CU_ASSERT_FALSE(there(".crl-aaaaaa"));
}

/* Directories that look stale but are not ours to remove. */
static void not_stale(void)
{
	struct image_dir dir;

	CU_ASSERT_EQUAL(mkdirat(scratch, ".crl-readable", 0700), 0);
	CU_ASSERT_EQUAL(mkdirat(scratch, ".crl-bbbbbb", 0700), 0);
	CU_ASSERT_EQUAL(fchmodat(scratch, ".crl-bbbbbb", 0755, 0), 0);
	CU_ASSERT_EQUAL(symlinkat("/", scratch, ".crl-cccccc"), 0);
	put_file(".crl-dddddd", "x", 1, 0);
	CHECK_OK(image_dir_begin(&dir, scratch, &err));
	image_dir_abort(&dir);
	CU_ASSERT_EQUAL(how_many(), 4);
}

static void living_owner(void)
{
	struct image_dir first, second;

	CHECK_OK(image_dir_begin(&first, scratch, &err));
	put_images(first.fd, 3);
	CHECK_FAILS(image_dir_begin(&second, scratch, &err), EBUSY,
		"another crl is writing a dump");
	image_dir_abort(&second);
	CU_ASSERT_EQUAL(how_many(), 1);
	CHECK_OK(image_dir_commit(&first, &err));
	CU_ASSERT_EQUAL(how_many(), 5);
}

/* Takes every unlocked directory for a stale one, as fast as it can. */
static void remove_unlocked(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct names names = { 0 };

		names_read(&names, scratch);
		for (size_t i = 0; i < names.nr; i++) {
			int fd = openat(scratch, names.list[i].name, O_RDONLY);

			if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
				unlinkat(scratch, names.list[i].name, AT_REMOVEDIR);
			close(fd);
		}
		names_deinit(&names);
	}
}

/* A new directory is without its lock for a moment: that must not be its end. */
static void racing(void)
{
	pid_t pid = fork();
	struct image_dir dir;
	int ret, lost = 0;

	if (pid == 0)
		remove_unlocked();
	for (int i = 0; i < 10000; i++) {
		ret = image_dir_begin(&dir, scratch, &err);
		/* While the other one holds what it took, it looks like another crl. */
		lost += ret ? ret != -EBUSY : !there(dir.name);
		image_dir_abort(&dir);
	}
	CU_ASSERT_EQUAL(lost, 0);
	kill(pid, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	CU_ASSERT_EQUAL(how_many(), 0);
}

/* A file system of one page: the journal does not fit any more. */
static int commit_without_space(void)
{
	struct image_dir dir;
	struct names names = { 0 };
	char page[4096] = "x";
	int target, fd;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		mount("none", scratch_path, "tmpfs", 0, "size=8192"))
		return 77;
	target = open(scratch_path, O_RDONLY | O_DIRECTORY);
	if (target < 0 || image_dir_begin(&dir, target, &err))
		return 1;
	put_in(dir.fd, "inventory.img", "inventory");
	fd = openat(dir.fd, "pages-1.img", O_WRONLY | O_CREAT, 0600);
	if (write(fd, page, sizeof(page)) != sizeof(page) || write(fd, page, 1) != -1)
		return 2;
	if (image_dir_commit(&dir, &err) != -ENOSPC)
		return 3;
	image_dir_abort(&dir);
	if (names_read(&names, target) || names.nr)
		return 4;
	return 0;
}

static void no_space(void)
{
	int ret = in_child(commit_without_space);

	if (ret == 77)
		printf("(not run: may not mount) ");
	else
		CU_ASSERT_EQUAL(ret, 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "few files", commit_few },
		{ "many files", commit_many },
		{ "private directory is private", private_mode },
		{ "abort leaves nothing", abort_leaves_nothing },
		{ "commit without an inventory", no_inventory },
		{ "directory holds a dump or images", holds_a_dump },
		{ "target is no directory", not_a_directory },
		{ "target is not writable", not_writable },
		{ "commit fails midway", commit_fails_midway },
		{ "dump of another program appears meanwhile", overtaken },
		{ "killed while writing", killed_before_commit },
		{ "killed before the moves", killed_before_moves },
		{ "killed between the moves", killed_between_moves },
		{ "killed after the moves", killed_after_moves },
		{ "hostile journal", hostile_journal },
		{ "directories that are not stale", not_stale },
		{ "owner lives", living_owner },
		{ "taken for stale while it is made", racing },
		{ "no space left", no_space },
	};

	return RUN_TESTS("dir", tests);
}
