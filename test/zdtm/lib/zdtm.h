/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What every test program shares. A test is one C file:
 *
 *	int main(int argc, char **argv)
 *	{
 *		test_init(argc, argv);
 *		...set up the state...
 *		test_daemon();
 *		test_waitsig();
 *		...return fail("what is wrong: %d", x) if it is not as it was...
 *		pass();
 *		return 0;
 *	}
 *
 * Between test_daemon() and the return of test_waitsig() the process (and its
 * whole tree) may have been dumped, killed and restored any number of times.
 * The head comment may hold lines for the runner, " * zdtm: key=value ...";
 * the runner's own head lists the keys.
 *
 * The library holds no descriptor and no mapping while a test waits. Output
 * goes unbuffered to descriptor 1, which the test must leave alone.
 */
#ifndef ZDTM_H
#define ZDTM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#define PAGE ((size_t)4096)

/* First call in main: reads what the runner passed, installs the SIGTERM handler. */
void test_init(int argc, char **argv);

/* The set-up is complete: tells the runner. Opens a path: call it before a chroot. */
void test_daemon(void);

/* Waits for SIGTERM, which the runner sends to the root when the test is to go on. */
void test_waitsig(void);

/* Whether it has come, for a test that works while it is dumped. */
bool test_signalled(void);

/* The verdict. fail() and test_skip() return the exit status; %m works. */
void pass(void);
int test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define fail(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)
int test_skip(const char *why);

/* For the set-up: the value of a call; when it is -1, the end of the test. */
#define must(call)                                                                       \
	({                                                                               \
		__typeof__(call) value_ = (call);                                        \
		if (value_ == (__typeof__(value_))-1) {                                  \
			fail("%s: %m", #call);                                           \
			exit(1);                                                         \
		}                                                                        \
		value_;                                                                  \
	})

void test_msg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A path in the test's own directory; NULL: the directory. Good for seven more calls. */
const char *test_file(const char *suffix);

/* Pseudo-random bytes that follow from the seed alone. */
void fill_pattern(void *p, size_t n, uint64_t seed);
bool check_pattern(const void *p, size_t n, uint64_t seed);

/*
 * Proof that a test can fail: `sabotage("name", statement);` after
 * test_waitsig() runs the statement only when the runner asks for this name
 * (--sabotage asks for each in turn, and wants to see the test fail).
 */
bool test_sabotaged(const char *name);
#define sabotage(name, ...)                                                              \
	do {                                                                             \
		if (test_sabotaged(name)) {                                              \
			__VA_ARGS__;                                                     \
		}                                                                        \
	} while (0)

/*
 * A child that runs fn(arg) and exits with its result. test_fork() returns
 * when the child has called test_child_ready(), or exits the test with a
 * failure when it dies before. The child waits with test_waitsig() of its
 * own; test_join() sends it SIGTERM, reaps it and returns 0, or fails unless
 * it exited with 0.
 */
pid_t test_fork(int (*fn)(void *arg), void *arg);
void test_child_ready(void);
int test_join_at(const char *file, int line, pid_t pid);
#define test_join(pid) test_join_at(__FILE__, __LINE__, pid)

/* Reaps pid; returns its exit status, or 256 + the signal that killed it, or -1. */
int test_reap(pid_t pid);

/*
 * The first number after `key` ("VmRSS:", or NULL: at the start) at the
 * beginning of a line of the file; base as in strtoll. -1 when there is none.
 */
long long test_proc_number(const char *path, const char *key, int base);

/* A small file, terminated (static buffer, until the next call); NULL and errno. */
const char *test_read_file(const char *path, size_t *len);

/* One mapping, from /proc/self/smaps. Sizes in KiB, as the kernel gives them. */
struct test_map {
	uintptr_t start, end;
	unsigned long long pgoff, ino;
	unsigned dev_major, dev_minor;
	char perms[8]; /* "rw-p" */
	char path[256];
	char flags[128]; /* VmFlags, " rd wr mr " */
	long rss, pss, shared_dirty, private_dirty, private_clean, anonymous;
};

/* The mapping that holds addr. */
bool test_find_map(const void *addr, struct test_map *map);

/* Of every mapping that touches [addr, addr + len): the sum of Pss in KiB. */
long test_pss(const void *addr, size_t len);

/* 0, or fail() when place, protection, flags or file of the mapping are not *was. */
int test_check_map_at(
	const char *file, int line, const void *addr, const struct test_map *was);
#define test_check_map(addr, was) test_check_map_at(__FILE__, __LINE__, addr, was)

/*
 * Room for a mapping of len bytes, to be replaced with MAP_FIXED: an
 * inaccessible page on either side keeps it from merging with neighbours.
 */
void *test_room(size_t len);

#endif
