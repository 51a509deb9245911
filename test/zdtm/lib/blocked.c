// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocked system calls. The call is made raw, with the kernel's own arguments,
 * so that what the C library does about EINTR does not hide what came back.
 */
#include "blocked.h"
#include "zdtm.h"

#include <errno.h>
#include <unistd.h>

#define SLACK (600 * MS)

static void *call(void *arg)
{
	struct blocked *b = arg;
	int64_t start = test_now();

	__atomic_store_n(&b->tid, gettid(), __ATOMIC_SEQ_CST);
	b->ret = syscall(b->nr, b->args[0], b->args[1], b->args[2], b->args[3],
		b->args[4], b->args[5]);
	if (b->ret < 0)
		b->ret = -errno;
	b->took = test_now() - start;
	return b;
}

void blocked_start(struct blocked *b)
{
	b->thread = test_thread(call, b);
	while (!__atomic_load_n(&b->tid, __ATOMIC_SEQ_CST))
		test_sleep_ms(1);
	test_wait_syscall(b->tid, b->nr);
}

void blocked_end(struct blocked *b)
{
	test_thread_end(b->thread);
}

int blocked_check(const struct blocked *b, long ret)
{
	if (b->ret == ret)
		return 0;
	return fail("system call %ld returned %ld after %ld ns, expected %ld", b->nr,
		b->ret, b->took, ret);
}

int blocked_check_time(const struct blocked *b, long ret, int64_t took, int64_t more)
{
	if (blocked_check(b, ret))
		return 1;
	if (b->took >= took && b->took <= took + more + SLACK)
		return 0;
	return fail("system call %ld took %ld ns, expected %ld, or %ld more", b->nr,
		b->took, took, more);
}
