// SPDX-License-Identifier: GPL-2.0-only
/*
 * Building batches: what lies where in the buffer, what no longer fits, what of
 * the results is an error. Buffers have their exact size, so that the address
 * sanitizer sees a byte too far, and odd contents, so that nothing is taken for
 * zero. One batch is run, by ourselves and at the place where it was built.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/batch.h"
#include "proc/load.h"

#define REMOTE 0x200000000000ull
#define NOTES  8
#define OP     sizeof(struct batch_op)

static struct err err;
static struct batch b;

/* A new batch in a block of exactly `size` bytes. */
static void start(size_t size, unsigned notes)
{
	uint8_t *local = malloc(size);

	if (!local)
		abort();
	memset(local, 0xa5, size);
	batch_init(
		&b, local, size, REMOTE, calloc(notes, sizeof(struct batch_note)), notes);
}

static void finish(void)
{
	free(b.local);
	free(b.note);
}

static struct batch_op *op(unsigned i)
{
	return (struct batch_op *)b.local + i;
}

/* Nothing of what the calls occupy is also data. */
static bool apart(void)
{
	return (b.count + 1) * OP <= b.data && b.data <= b.size;
}

static void calls(void)
{
	start(4096, NOTES);
	CU_ASSERT_EQUAL(batch_call(&b, "first", 257, 1, 2, 3, 4, 5, UINT64_MAX), 0);
	CU_ASSERT_EQUAL(batch_call2(&b, "read", SYS_read, 7, 8), 1);
	CU_ASSERT_EQUAL(batch_call0(&b, "last", SYS_getpid), 2);
	batch_seal(&b);
	CU_ASSERT_EQUAL(b.count, 3);
	CU_ASSERT_EQUAL(OP, 64);
	CU_ASSERT_EQUAL(op(0)->nr_plus_1, 258);
	for (uint64_t i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(op(0)->arg[i], i + 1);
	CU_ASSERT_EQUAL(op(0)->arg[5], UINT64_MAX);
	CU_ASSERT_EQUAL(op(1)->nr_plus_1, 1); /* call 0 is no end mark */
	CU_ASSERT_EQUAL(op(1)->arg[0], 7);
	CU_ASSERT_EQUAL(op(1)->arg[1], 8);
	for (int i = 2; i < 6; i++)
		CU_ASSERT_EQUAL(op(1)->arg[i], 0);
	CU_ASSERT_EQUAL(op(3)->nr_plus_1, 0);
	CU_ASSERT_EQUAL(op(3)->ret, 0);
	CU_ASSERT_STRING_EQUAL(b.note[1].what, "read");
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(batch_ret(&b, i), -ENODATA);
	finish();
}

/* Data of all lengths: aligned, not touching each other, seen under both addresses. */
static void data(void)
{
	uint64_t at[20], last = REMOTE + 4096;
	char bytes[20];

	start(4096 + 5, NOTES); /* what is no whole word is not used */
	for (size_t n = 0; n < 20; n++) {
		memset(bytes, 'a' + n, sizeof(bytes));
		at[n] = n % 2 ? batch_in(&b, bytes, n) : batch_out(&b, n);
		CU_ASSERT_EQUAL(at[n] % 8, 0);
		CU_ASSERT(at[n] + n <= last);
		last = at[n];
	}
	CU_ASSERT_EQUAL(b.data, last - REMOTE);
	for (size_t n = 0; n < 20; n++) {
		const char *here = batch_at(&b, at[n]);

		CU_ASSERT_PTR_EQUAL(here, b.local + (at[n] - REMOTE));
		for (size_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL(here[i], n % 2 ? (char)('a' + n) : 0);
	}
	CU_ASSERT_FALSE(b.full);
	CU_ASSERT(apart());
	finish();
}

static void text(void)
{
	uint64_t at;

	start(256, NOTES);
	at = batch_text(&b, "12345678");
	CU_ASSERT_EQUAL(b.size - b.data, 16); /* with its end */
	CU_ASSERT_STRING_EQUAL(batch_at(&b, at), "12345678");
	at = batch_text(&b, "");
	CU_ASSERT_EQUAL(*(char *)batch_at(&b, at), 0);
	CU_ASSERT_EQUAL(b.size - b.data, 24);
	finish();
}

/* An argument may be the address of what an earlier call has filled. */
static void earlier_result(void)
{
	struct batch_note note[NOTES];
	uint64_t buffer[128], name, copy;
	char here[256];
	int line[2];

	CU_ASSERT_EQUAL_FATAL(pipe(line), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(here, sizeof(here)));
	batch_init(&b, buffer, sizeof(buffer), (uintptr_t)buffer, note, NOTES);
	name = batch_out(&b, 256);
	copy = batch_out(&b, 256);
	batch_call2(&b, "getcwd", SYS_getcwd, name, 256);
	batch_call3(&b, "write", SYS_write, line[1], name, strlen(here) + 1);
	batch_call3(&b, "read", SYS_read, line[0], copy, 256);
	batch_must_be(&b, strlen(here) + 1);
	batch_call1(&b, "close", SYS_close, -1);
	batch_may_fail(&b);
	batch_seal(&b);
	for (struct batch_op *o = (void *)buffer; o->nr_plus_1; o++) {
		long ret = syscall(o->nr_plus_1 - 1, o->arg[0], o->arg[1], o->arg[2]);

		o->ret = ret < 0 ? -errno : ret;
	}
	CU_ASSERT_EQUAL(batch_verify(&b, &err), 0);
	CU_ASSERT_STRING_EQUAL(batch_at(&b, copy), here);
	CU_ASSERT_EQUAL(batch_ret(&b, 3), -EBADF);
	close(line[0]);
	close(line[1]);
}

/* One call more than there is room for, by bytes and by notes; of both the last is kept
 * back. */
static void too_many_calls(void)
{
	static const struct room {
		size_t size;
		unsigned notes, calls;
	} rooms[] = { { 4 * OP, 8, 3 }, { 4 * OP + 63, 8, 3 }, { 5 * OP, 8, 4 },
		{ 4096, 3, 2 }, { OP, 8, 0 }, { OP - 8, 8, 0 }, { 4096, 0, 0 } };

	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		start(rooms[i].size, rooms[i].notes);
		for (unsigned n = 0; n < rooms[i].calls; n++) {
			CU_ASSERT(batch_fits(&b, 1, 0));
			CU_ASSERT_EQUAL(batch_call0(&b, "call", SYS_getpid), n);
			op(n)->ret = n;
		}
		CU_ASSERT_FALSE(batch_fits(&b, 1, 0));
		CU_ASSERT_FALSE(b.full);
		CU_ASSERT_EQUAL(batch_verify(&b, &err), 0);
		CU_ASSERT_EQUAL(batch_call0(&b, "one more", SYS_getpid), 0);
		CU_ASSERT_TRUE(b.full);
		CU_ASSERT_EQUAL(b.count, rooms[i].calls);
		CU_ASSERT_EQUAL(batch_verify(&b, &err), -E2BIG);
		finish();
	}
}

/* Calls from below and data from above meet: the end mark keeps its place. */
static void too_much_data(void)
{
	start(1024, NOTES);
	batch_call0(&b, "call", SYS_getpid);
	CU_ASSERT(batch_fits(&b, 0, 1024 - 2 * OP));
	CU_ASSERT_FALSE(batch_fits(&b, 0, 1024 - 2 * OP + 1));
	CU_ASSERT_FALSE(batch_fits(&b, 1, 1024 - 2 * OP));
	CU_ASSERT(batch_fits(&b, 1, 1024 - 3 * OP));
	CU_ASSERT_EQUAL(batch_out(&b, 1024 - 2 * OP - 7), REMOTE + 2 * OP);
	CU_ASSERT(apart());
	CU_ASSERT_FALSE(b.full);
	CU_ASSERT(batch_fits(&b, 0, 0));
	batch_seal(&b);
	CU_ASSERT_EQUAL(op(0)->nr_plus_1, SYS_getpid + 1);
	CU_ASSERT_EQUAL(batch_in(&b, "x", 1), 0);
	CU_ASSERT_TRUE(b.full);
	CU_ASSERT_EQUAL(b.data, 2 * OP);
	finish();
}

/* Sizes and counts that wrap around when anything is added to them. */
static void huge(void)
{
	static const size_t sizes[] = { 1025, SIZE_MAX / 2, SIZE_MAX - 4096,
		SIZE_MAX - 64, SIZE_MAX - 8, SIZE_MAX - 6, SIZE_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		start(1024, NOTES);
		CU_ASSERT_FALSE(batch_fits(&b, 0, sizes[i]));
		CU_ASSERT_EQUAL(batch_out(&b, sizes[i]), 0);
		CU_ASSERT_TRUE(b.full);
		CU_ASSERT_EQUAL(b.data, 1024);
		finish();
	}
	start(1024, NOTES);
	b.note_max = UINT32_MAX;
	batch_call0(&b, "call", SYS_getpid);
	CU_ASSERT_FALSE(batch_fits(&b, UINT32_MAX, 0));
	CU_ASSERT_FALSE(batch_fits(&b, UINT32_MAX - 1, 0));
	CU_ASSERT_FALSE(batch_fits(&b, 1u << 26, 0));
	CU_ASSERT_FALSE(batch_fits(&b, 0, SIZE_MAX));
	finish();
}

/* Once something did not fit, nothing is added, and the notes stay with their calls. */
static void stays_full(void)
{
	start(1024, NOTES);
	batch_call0(&b, "call", SYS_getpid);
	CU_ASSERT_EQUAL(batch_out(&b, 1000), 0);
	CU_ASSERT_EQUAL(batch_call0(&b, "lost", SYS_getppid), 0);
	batch_may_fail(&b);
	CU_ASSERT_EQUAL(b.note[0].expect, BATCH_OK);
	batch_must_be(&b, 5);
	CU_ASSERT_EQUAL(b.note[0].expect, BATCH_OK);
	CU_ASSERT_EQUAL(batch_text(&b, "x"), 0);
	CU_ASSERT_EQUAL(b.count, 1);
	CU_ASSERT_EQUAL(b.data, 1024);
	CU_ASSERT_EQUAL(batch_verify(&b, &err), -E2BIG);
	batch_reset(&b);
	CU_ASSERT_EQUAL(b.count, 0);
	CU_ASSERT_EQUAL(batch_verify(&b, &err), 0);
	CU_ASSERT_EQUAL(batch_out(&b, 8), REMOTE + 1016);
	CU_ASSERT_EQUAL(batch_call0(&b, "again", SYS_getpid), 0);
	CU_ASSERT_STRING_EQUAL(b.note[0].what, "again");
	finish();
}

/* Room that was used before is zero again. */
static void reset_zeroes(void)
{
	const uint64_t *here;

	start(1024, NOTES);
	batch_call0(&b, "call", SYS_getpid);
	batch_must_be(&b, 7);
	batch_text(&b, "something that stays in the buffer");
	batch_reset(&b);
	CU_ASSERT_EQUAL(b.data, b.size);
	here = batch_at(&b, batch_out(&b, 64));
	for (int i = 0; i < 8; i++)
		CU_ASSERT_EQUAL(here[i], 0);
	batch_call0(&b, "call", SYS_getpid);
	CU_ASSERT_EQUAL(b.note[0].expect, BATCH_OK);
	CU_ASSERT_EQUAL(batch_ret(&b, 0), -ENODATA);
	finish();
}

/* One call with a result, and what is said of it. */
static int judge(enum batch_expect expect, int64_t exact, int64_t ret)
{
	int answer;

	start(256, NOTES);
	batch_call0(&b, "the call", SYS_getpid);
	if (expect == BATCH_ANY)
		batch_may_fail(&b);
	if (expect == BATCH_EXACT)
		batch_must_be(&b, exact);
	op(0)->ret = ret;
	err.text[0] = '\0';
	answer = batch_verify(&b, &err);
	CU_ASSERT_EQUAL(answer == 0, err.text[0] == '\0');
	CU_ASSERT(!answer || !strncmp(err.text, "the call: ", 10));
	finish();
	return answer;
}

static void results(void)
{
	CU_ASSERT_EQUAL(judge(BATCH_OK, 0, 0), 0);
	CU_ASSERT_EQUAL(judge(BATCH_OK, 0, 0x7ffffffff000), 0);
	CU_ASSERT_EQUAL(judge(BATCH_OK, 0, -4096), 0); /* no errno: an address */
	CU_ASSERT_EQUAL(judge(BATCH_OK, 0, -4095), -4095);
	CU_ASSERT_EQUAL(judge(BATCH_OK, 0, -1), -EPERM);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, strerror(EPERM)));
	CU_ASSERT_EQUAL(judge(BATCH_OK, 0, -ENODATA), -ENODATA);
	CU_ASSERT_EQUAL(judge(BATCH_ANY, 0, -ENODATA), 0);
	CU_ASSERT_EQUAL(judge(BATCH_EXACT, 7, 7), 0);
	CU_ASSERT_EQUAL(judge(BATCH_EXACT, -ENOSYS, -ENOSYS), 0);
	CU_ASSERT_EQUAL(judge(BATCH_EXACT, 0, 0), 0);
	CU_ASSERT_EQUAL(judge(BATCH_EXACT, 7, -EBADF), -EBADF);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, strerror(EBADF)));
	CU_ASSERT_EQUAL(judge(BATCH_EXACT, 0x10, 0x20), -EPROTO);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "got 0x20, expected 0x10"));
	CU_ASSERT_EQUAL(judge(BATCH_EXACT, -ENOSYS, 0), -EPROTO);
	CU_ASSERT_EQUAL(judge(BATCH_EXACT, 7, -4096), -EPROTO);
}

/* The first that differs is the error, and an expectation belongs to one call. */
static void first_error(void)
{
	start(1024, NOTES);
	batch_may_fail(&b); /* of no call */
	batch_must_be(&b, 3);
	batch_call0(&b, "zero", SYS_getpid);
	batch_may_fail(&b);
	batch_call0(&b, "one", SYS_getpid);
	batch_call0(&b, "two", SYS_getpid);
	batch_must_be(&b, 22);
	for (unsigned i = 0; i < 3; i++)
		op(i)->ret = -EACCES;
	CU_ASSERT_EQUAL(batch_verify(&b, &err), -EACCES);
	CU_ASSERT_EQUAL(strncmp(err.text, "one: ", 5), 0);
	op(1)->ret = 1;
	CU_ASSERT_EQUAL(batch_verify(&b, &err), -EACCES);
	CU_ASSERT_EQUAL(strncmp(err.text, "two: ", 5), 0);
	op(2)->ret = 22;
	CU_ASSERT_EQUAL(batch_verify(&b, &err), 0);
	finish();
}

int main(void)
{
	static const struct test tests[] = {
		{ "calls", calls },
		{ "data", data },
		{ "text", text },
		{ "result of an earlier call", earlier_result },
		{ "too many calls", too_many_calls },
		{ "too much data", too_much_data },
		{ "huge sizes", huge },
		{ "stays full", stays_full },
		{ "reset", reset_zeroes },
		{ "results", results },
		{ "first error", first_error },
	};

	return RUN_TESTS("batch", tests);
}
