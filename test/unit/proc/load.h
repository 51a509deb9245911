/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Captured text for the tests of lib/proc, which run from the top of the tree.
 *
 * Text is always handed out in a block of its exact size, not terminated: a
 * parser that looks beyond the end is caught by the address sanitizer.
 */
#ifndef TEST_UNIT_PROC_LOAD_H
#define TEST_UNIT_PROC_LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <CUnit/Basic.h>

#include "crl/err.h"
#include "crl/proc/text.h"

static inline char *exact_copy(const void *text, size_t len)
{
	char *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	return memcpy(copy, text, len);
}

/* The file test/unit/proc/NAME; the caller frees s. */
static inline struct proc_text load(const char *name)
{
	static char block[1 << 20];
	char path[256];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "test/unit/proc/%s", name);
	f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(1);
	}
	len = fread(block, 1, sizeof(block), f);
	fclose(f);
	return (struct proc_text){ exact_copy(block, len), len };
}

/* Hand every beginning of text to parse: it may fail, but not look beyond. */
static inline void each_prefix(
	struct proc_text text, void (*parse)(const char *text, size_t len))
{
	for (size_t len = 0; len <= text.len; len++) {
		char *copy = exact_copy(text.s, len);

		parse(copy, len);
		free(copy);
	}
}

struct test {
	const char *name;
	CU_TestFunc run;
};

/* Run all tests of one suite; the exit status is 0 only when all pass. */
static inline int run_tests(const char *suite_name, const struct test *tests, size_t n)
{
	CU_pSuite suite;
	unsigned int failed;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		if (!suite || !CU_add_test(suite, tests[i].name, tests[i].run))
			return 1;
	CU_basic_set_mode(CU_BRM_NORMAL);
	if (CU_basic_run_tests() != CUE_SUCCESS)
		return 1;
	failed = CU_get_number_of_failures() + (CU_get_number_of_tests_run() != n);
	CU_cleanup_registry();
	return failed != 0;
}

#define RUN_TESTS(name, tests) run_tests(name, tests, sizeof(tests) / sizeof((tests)[0]))

#define CHECK_TEXT(text, string) CU_ASSERT_TRUE(proc_text_is(text, string))

#endif
