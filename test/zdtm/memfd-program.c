// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that runs from a sealed memfd, as container runtimes do with a copy of
 * themselves: /proc/self/exe is the memfd, which is open for reading and writing too,
 * and has a page behind the program that is mapped for writing.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME  "/memfd:program (deleted)"
#define AT_FD "TEST_PROGRAM_FD"
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

static int run_from_memory(char **argv)
{
	int from = must(open("/proc/self/exe", O_RDONLY));
	int fd = must(memfd_create("program", MFD_ALLOW_SEALING));
	struct stat st;
	char text[16];

	must(fstat(from, &st));
	for (off_t at = 0; at < st.st_size;)
		must(sendfile(fd, from, &at, st.st_size - at));
	close(from);
	must(ftruncate(fd, (st.st_size + 2 * PAGE - 1) & ~(PAGE - 1)));
	snprintf(text, sizeof(text), "%d", fd);
	setenv(AT_FD, text, 1);
	fexecve(fd, argv, environ);
	return fail("fexecve: %m");
}

int main(int argc, char **argv)
{
	char link[100] = "", text[8] = "", *page;
	struct stat exe, open_file;
	int fd;

	if (!getenv(AT_FD))
		return run_from_memory(argv);
	fd = atoi(getenv(AT_FD));
	test_init(argc, argv);
	must(fstat(fd, &exe));
	page = must(mmap(
		NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, exe.st_size - PAGE));
	strcpy(page, "before");
	must(fcntl(fd, F_ADD_SEALS, SEALS));
	test_daemon();
	test_waitsig();
	sabotage("page", page[0]++);
	sabotage("seals", dup2(must(memfd_create("program", MFD_ALLOW_SEALING)), fd));
	must(readlink("/proc/self/exe", link, sizeof(link) - 1));
	if (strcmp(link, NAME))
		return fail("the program is %s", link);
	must(stat("/proc/self/exe", &exe));
	must(fstat(fd, &open_file));
	if (exe.st_ino != open_file.st_ino || exe.st_dev != open_file.st_dev)
		return fail("the program and the open memfd are not the same");
	if (fcntl(fd, F_GET_SEALS) != SEALS || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
		return fail("seals %#x", fcntl(fd, F_GET_SEALS));
	if (open("/proc/self/exe", O_WRONLY) >= 0 || errno != ETXTBSY)
		return fail("it can be opened for writing while it runs: %m");
	if (strcmp(page, "before"))
		return fail("the page reads %s", page);
	strcpy(page, "after");
	must(pread(fd, text, 6, exe.st_size - PAGE));
	if (strcmp(text, "after"))
		return fail("what is written to the page is not in the memfd");
	pass();
	return 0;
}
