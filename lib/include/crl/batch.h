/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A batch: an array of system calls for another task to make, with the bytes
 * they read and write, built here as plain data. What a batch does can be
 * printed and tested without a process; visit.h runs one in a live task,
 * puppet.h in a task that is being restored.
 *
 * Layout of the one buffer: calls grow up from its start, data grows down from
 * its end. Addresses that batch_in() and batch_out() return are those in the
 * target, where the buffer appears at `remote`.
 */
#ifndef CRL_BATCH_H
#define CRL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* As the stub sees it; 64 bytes. A zero in nr_plus_1 ends the array. */
struct batch_op {
	uint64_t nr_plus_1;
	uint64_t arg[6];
	int64_t ret;
};

/* What is expected of a call's result. */
enum batch_expect {
	BATCH_OK,    /* anything but -errno */
	BATCH_ANY,   /* the caller looks at it */
	BATCH_EXACT, /* one value: a descriptor's number, an address */
};

struct batch_note {
	const char *what; /* for messages; static text */
	int64_t exact;
	enum batch_expect expect;
};

struct batch {
	uint8_t *local;	 /* not owned */
	uint64_t remote; /* the buffer's address in the target */
	size_t size;
	unsigned count;		 /* calls so far */
	size_t data;		 /* data occupies [data, size) */
	struct batch_note *note; /* not owned; one a call */
	unsigned note_max;
	bool full; /* something did not fit: the batch must not be run */
};

/* `local` and `note` stay the caller's; both must outlive the batch. */
void batch_init(struct batch *b, void *local, size_t size, uint64_t remote,
	struct batch_note *note, unsigned note_max);

/* Forget all calls and data. */
void batch_reset(struct batch *b);

/* Is there room for `calls` more calls and `bytes` more of data? */
bool batch_fits(const struct batch *b, unsigned calls, size_t bytes);

/* Add a call whose failure is an error; `what` names it there. Returns its index. */
unsigned batch_call(struct batch *b, const char *what, long nr, uint64_t a0, uint64_t a1,
	uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5);

/* Change what is expected of the last call added. */
void batch_may_fail(struct batch *b);
void batch_must_be(struct batch *b, int64_t exact);

/* Copy n bytes in, aligned to 8; returns their address in the target. */
uint64_t batch_in(struct batch *b, const void *bytes, size_t n);
uint64_t batch_text(struct batch *b, const char *text);

/* Reserve n zeroed bytes, aligned to 8, for a call to fill. */
uint64_t batch_out(struct batch *b, size_t n);

/* Where the bytes behind a target address are here; valid after the run for results. */
void *batch_at(const struct batch *b, uint64_t remote);

int64_t batch_ret(const struct batch *b, unsigned i);

/* Write the end mark; the batch is ready to be copied or run. */
void batch_seal(struct batch *b);

/* Compare all results with what was expected; the first that differs is the error. */
int batch_verify(const struct batch *b, struct err *err);

#define batch_call0(b, what, nr)	     batch_call(b, what, nr, 0, 0, 0, 0, 0, 0)
#define batch_call1(b, what, nr, a)	     batch_call(b, what, nr, a, 0, 0, 0, 0, 0)
#define batch_call2(b, what, nr, a, c)	     batch_call(b, what, nr, a, c, 0, 0, 0, 0)
#define batch_call3(b, what, nr, a, c, d)    batch_call(b, what, nr, a, c, d, 0, 0, 0)
#define batch_call4(b, what, nr, a, c, d, e) batch_call(b, what, nr, a, c, d, e, 0, 0)
#define batch_call5(b, w, nr, a, c, d, e, f) batch_call(b, w, nr, a, c, d, e, f, 0)

#endif
