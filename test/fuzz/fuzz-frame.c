// SPDX-License-Identifier: GPL-2.0-only
/*
 * The framing of image files: every file of an archive is read from memory,
 * record for record, by what its kind says. What was read is written again, and
 * must read the same.
 */
#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>
#include <string.h>

#include "archive.h"
#include "crl/err.h"
#include "image/frame.h"
#include "image/schema.h"

#define PACKED_MAX (1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_)
{
	if (!true_)
		abort();
}

/*
 * Packing puts fields in order, joins what was said twice and ends texts at their first
 * NUL, so a message may not survive it (false); one that does stays as it is.
 */
static bool same_again(const ProtobufCMessage *msg)
{
	size_t len = protobuf_c_message_get_packed_size(msg);
	ProtobufCMessage *copy = NULL;
	uint8_t *one, *two;
	bool same;

	if (len > PACKED_MAX)
		return false;
	one = malloc(len + 1);
	two = malloc(len + 1);
	must(protobuf_c_message_pack(msg, one) == len);
	copy = protobuf_c_message_unpack(msg->descriptor, NULL, len, one);
	same = copy && protobuf_c_message_get_packed_size(copy) == len;
	if (same) {
		protobuf_c_message_pack(copy, two);
		must(!memcmp(one, two, len));
	}
	protobuf_c_message_free_unpacked(copy, NULL);
	free(one);
	free(two);
	return same;
}

static int read_record(struct image_reader *rd, struct schema *s, struct image_writer *w,
	bool *same, struct err *err)
{
	ProtobufCMessage *msg;
	const void *payload;
	uint64_t len;
	int ret = image_reader_next(rd, schema_next(s), NULL, &msg, err);

	if (ret <= 0)
		return ret;
	*same &= same_again(msg);
	ret = image_writer_record(w, msg, err);
	len = schema_payload(s, msg);
	if (len == SCHEMA_REST)
		len = image_reader_rest(rd);
	if (!ret)
		ret = image_reader_bytes(rd, len, &payload, err);
	if (!ret)
		ret = image_writer_bytes(w, payload, len, err);
	protobuf_c_message_free_unpacked(msg, NULL);
	return ret ? ret : IMAGE_RECORD;
}

/* How many records there are; 0 also where it cannot be told what will be read again. */
static size_t count(const struct archive_file *f, uint32_t version, const uint8_t *data,
	size_t size, struct image_writer *w)
{
	struct image_reader rd = { 0 };
	struct err err = { 0 };
	struct schema s;
	bool same = true;
	size_t n = 0;
	int ret = image_reader_set(&rd, f->kind, f->number, version, data, size, &err);

	must(!ret || err.text[0]);
	schema_start(&s, f->kind);
	if (!ret && s.row && !image_writer_start(w, f->kind, f->number, &err))
		while ((ret = read_record(&rd, &s, w, &same, &err)) > 0)
			n++;
	must(ret >= 0 || err.text[0]);
	image_reader_deinit(&rd);
	return same ? n : 0;
}

static void read_file(const struct archive_file *f)
{
	struct image_writer w = { 0 }, again = { 0 };
	/* So that the sanitizer sees where the file ends. */
	uint8_t *copy = malloc(f->size ? f->size : 1);
	size_t n;

	if (f->size)
		memcpy(copy, f->data, f->size);
	n = count(f, IMAGE_VERSION, copy, f->size, &w);
	if (n)
		must(count(f, IMAGE_VERSION, w.data, w.size, &again) >= n);
	count(f, 1, copy, f->size, &w);
	image_writer_deinit(&w);
	image_writer_deinit(&again);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct archive a;

	archive_parse(&a, data, size);
	for (size_t i = 0; i < a.files; i++)
		read_file(&a.file[i]);
	return 0;
}
