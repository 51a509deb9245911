// SPDX-License-Identifier: LGPL-2.1-or-later
/* Building and checking of batches: see crl/batch.h. Runs nothing. */
#include <errno.h>
#include <string.h>

#include "crl/batch.h"
#include "crl/err.h"
#include "crl/fault.h"

#define MAX_ERRNO 4095

void batch_init(struct batch *b, void *local, size_t size, uint64_t remote,
	struct batch_note *note, unsigned note_max)
{
	*b = (struct batch){
		.local = local,
		.remote = remote,
		.size = size & ~(size_t)7,
		.note = note,
		.note_max = note_max,
	};
	b->data = b->size;
}

void batch_reset(struct batch *b)
{
	b->count = 0;
	b->data = b->size;
	b->full = false;
}

static struct batch_op *batch_op(const struct batch *b, unsigned i)
{
	return (struct batch_op *)b->local + i;
}

/* One call is always kept back for the end mark. */
bool batch_fits(const struct batch *b, unsigned calls, size_t bytes)
{
	size_t need = ((size_t)b->count + calls + 1) * sizeof(struct batch_op);

	return b->count + calls < b->note_max && bytes <= b->size && need <= b->data &&
	       bytes <= b->data - need;
}

unsigned batch_call(struct batch *b, const char *what, long nr, uint64_t a0, uint64_t a1,
	uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	if (b->full || !batch_fits(b, 1, 0)) {
		b->full = true;
		return 0;
	}
	*batch_op(b, b->count) = (struct batch_op){
		.nr_plus_1 = (uint64_t)nr + 1,
		.arg = { a0, a1, a2, a3, a4, a5 },
		.ret = -ENODATA, /* what a call that never ran shows */
	};
	b->note[b->count] = (struct batch_note){ .what = what, .expect = BATCH_OK };
	return b->count++;
}

void batch_may_fail(struct batch *b)
{
	if (!b->full && b->count)
		b->note[b->count - 1].expect = BATCH_ANY;
}

void batch_must_be(struct batch *b, int64_t exact)
{
	if (b->full || !b->count)
		return;
	b->note[b->count - 1].expect = BATCH_EXACT;
	b->note[b->count - 1].exact = exact;
}

uint64_t batch_out(struct batch *b, size_t n)
{
	size_t room = (n + 7) & ~(size_t)7;

	if (b->full || room < n || !batch_fits(b, 0, room)) {
		b->full = true;
		return 0;
	}
	b->data -= room;
	memset(b->local + b->data, 0, room);
	return b->remote + b->data;
}

uint64_t batch_in(struct batch *b, const void *bytes, size_t n)
{
	uint64_t remote = batch_out(b, n);

	if (remote)
		memcpy(batch_at(b, remote), bytes, n);
	return remote;
}

uint64_t batch_text(struct batch *b, const char *text)
{
	return batch_in(b, text, strlen(text) + 1);
}

void *batch_at(const struct batch *b, uint64_t remote)
{
	return b->local + (remote - b->remote);
}

int64_t batch_ret(const struct batch *b, unsigned i)
{
	return batch_op(b, i)->ret;
}

void batch_seal(struct batch *b)
{
	memset(batch_op(b, b->count), 0, sizeof(struct batch_op));
}

int batch_verify(const struct batch *b, struct err *err)
{
	if (b->full)
		return err_set(
			err, E2BIG, "a batch of system calls does not fit its buffer");
	for (unsigned i = 0; i < b->count; i++) {
		const struct batch_note *note = &b->note[i];
		int64_t ret = FAULT_CALL(note->what) ? -errno : batch_ret(b, i);

		if (note->expect == BATCH_ANY ||
			(note->expect == BATCH_EXACT && ret == note->exact))
			continue;
		if (ret < 0 && ret >= -MAX_ERRNO)
			return err_os(err, -ret, "%s", note->what);
		if (note->expect == BATCH_EXACT)
			return err_set(err, EPROTO, "%s: got %#llx, expected %#llx",
				note->what, (unsigned long long)ret,
				(unsigned long long)note->exact);
	}
	return 0;
}
