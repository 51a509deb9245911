/* SPDX-License-Identifier: GPL-2.0-only */
/* A directory for the tests of criu-lite/image, new for every test, and small helpers. */
#ifndef TEST_UNIT_IMAGE_SCRATCH_H
#define TEST_UNIT_IMAGE_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CUnit/Basic.h>

#include "crl/err.h"
#include "image/names.h"

static struct err err;
static int scratch = -1;
static char scratch_path[] = "/tmp/crl-unit-XXXXXX";

static inline void remove_all(int dirfd)
{
	struct names names = { 0 };

	names_read(&names, dirfd);
	for (size_t i = 0; i < names.nr; i++) {
		const char *name = names.list[i].name;
		int sub = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

		if (sub >= 0) {
			remove_all(sub);
			close(sub);
		}
		unlinkat(dirfd, name, sub >= 0 ? AT_REMOVEDIR : 0);
	}
	names_deinit(&names);
}

static inline void scratch_open(void)
{
	strcpy(scratch_path, "/tmp/crl-unit-XXXXXX");
	if (!mkdtemp(scratch_path))
		abort();
	scratch = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (scratch < 0)
		abort();
	memset(&err, 0, sizeof(err));
}

static inline void scratch_close(void)
{
	remove_all(scratch);
	close(scratch);
	rmdir(scratch_path);
}

/* A file of scratch; creates it or writes over it from offset at. */
static inline void put_file(const char *name, const void *data, size_t len, off_t at)
{
	int fd = openat(scratch, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, data, len, at) != (ssize_t)len)
		abort();
	close(fd);
}

static inline void set_length(const char *name, off_t len)
{
	int fd = openat(scratch, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || ftruncate(fd, len))
		abort();
	close(fd);
}

static inline void flip_byte(const char *name, off_t at)
{
	int fd = openat(scratch, name, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	if (fd < 0 || pread(fd, &byte, 1, at) != 1)
		abort();
	byte ^= 0x10;
	if (pwrite(fd, &byte, 1, at) != 1)
		abort();
	close(fd);
}

static inline off_t length_of(const char *name)
{
	struct stat st;

	return fstatat(scratch, name, &st, AT_SYMLINK_NOFOLLOW) ? -1 : st.st_size;
}

static inline bool there(const char *name)
{
	return length_of(name) >= 0;
}

/* How many names scratch holds. */
static inline size_t how_many(void)
{
	struct names names = { 0 };
	size_t nr;

	names_read(&names, scratch);
	nr = names.nr;
	names_deinit(&names);
	return nr;
}

#define CHECK_OK(call)                                                                   \
	do {                                                                             \
		int ret_ = (call);                                                       \
		if (ret_)                                                                \
			printf("\n    %s: %s", #call, err.text);                         \
		CU_ASSERT_EQUAL(ret_, 0);                                                \
	} while (0)

/* The call fails with the code, and its sentence has the words. */
#define CHECK_FAILS(call, errno_, words)                                                 \
	do {                                                                             \
		err.text[0] = '\0';                                                      \
		CU_ASSERT_EQUAL(call, -(errno_));                                        \
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, words));                         \
		if (!strstr(err.text, words))                                            \
			printf("\n    said: %s", err.text);                              \
	} while (0)

struct test {
	const char *name;
	CU_TestFunc run;
};

/* Each test gets a new scratch directory. The exit status is 0 only when all pass. */
static inline int run_tests(const char *suite_name, const struct test *tests, size_t n)
{
	CU_pSuite suite;
	unsigned int failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite_with_setup_and_teardown(
		suite_name, NULL, NULL, scratch_open, scratch_close);
	for (size_t i = 0; i < n; i++)
		if (!suite || !CU_add_test(suite, tests[i].name, tests[i].run))
			return 1;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	if (CU_basic_run_tests() != CUE_SUCCESS)
		return 1;
	failed = CU_get_number_of_failures() + (CU_get_number_of_tests_run() != n);
	CU_cleanup_registry();
	return failed != 0;
}

#define RUN_TESTS(name, tests) run_tests(name, tests, sizeof(tests) / sizeof((tests)[0]))

#endif
