// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutations of a dump. Flipped bytes seldom pass a reader: lengths stand before
 * everything, and lengths within lengths. So here a record is unpacked, a field
 * of it, or of a message inside it, is changed, and the record is packed again.
 * What no packer would write comes in now and then by plain mutation of a
 * record, or of a file.
 */
#include <stdlib.h>
#include <string.h>
#include <protobuf-c/protobuf-c.h>

#include "archive.h"
#include "crl/err.h"
#include "image/frame.h"
#include "image/schema.h"
#include "snapshot/arena.h"

#define RECORDS_MAX 4096
#define GROWTH	    64 /* bytes that a plain mutation may add */

/* libFuzzer's own. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

/* Called by libFuzzer. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
	const uint8_t *other, size_t other_size, uint8_t *out, size_t max,
	unsigned int seed);

struct mutator {
	struct arena arena;
	uint64_t state;
};

/* A record: its length, itself, and the raw bytes behind it. */
struct place {
	const ProtobufCMessageDescriptor *type;
	size_t at, len, payload;
};

static uint64_t any(struct mutator *m)
{
	m->state ^= m->state << 13;
	m->state ^= m->state >> 7;
	m->state ^= m->state << 17;
	return m->state;
}

/* Below n. */
static uint64_t below(struct mutator *m, uint64_t n)
{
	return n ? (any(m) >> 8) % n : 0;
}

static bool one_in(struct mutator *m, unsigned int n)
{
	return below(m, n) == 0;
}

static void init(struct mutator *m, unsigned int seed)
{
	arena_init(&m->arena);
	m->state = seed * 0x9e3779b97f4a7c15ull + 1;
	for (int i = 0; i < 4; i++)
		any(m);
}

/* ---- a field ---- */

static uint64_t odd_number(struct mutator *m, uint64_t now)
{
	static const uint64_t odd[] = { 0, 1, 2, 3, 4, 7, 8, 15, 63, 64, 65, 127, 128,
		255, 256, 1023, 1024, 4095, 4096, 4097, 65535, 65536, 1 << 20, 4 << 20,
		INT32_MAX, 1ull << 31, UINT32_MAX, 1ull << 32, 0x7ffffffff000,
		0x7fffffffffff, 0xffffffffff600000, INT64_MAX, 1ull << 63,
		UINT64_MAX - 4095, UINT64_MAX };

	switch (below(m, 6)) {
	case 0:
		return now + 1;
	case 1:
		return now - 1;
	case 2:
		return now ^ 1ull << below(m, 64);
	case 3:
		return now ^ 1ull << below(m, 16);
	case 4:
		return any(m) >> below(m, 64);
	default:
		return odd[below(m, sizeof(odd) / sizeof(odd[0]))];
	}
}

static void mutate_bytes(struct mutator *m, uint8_t **data, size_t *len)
{
	size_t room = *len + 1 + below(m, GROWTH);
	uint8_t *copy = arena_alloc(&m->arena, room + 1);

	if (*len)
		memcpy(copy, *data, *len);
	*len = LLVMFuzzerMutate(copy, *len, room);
	copy[*len] = '\0';
	*data = copy;
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	default:
		return 4;
	}
}

static void mutate_message(struct mutator *m, ProtobufCMessage *msg);

/* With the messages that it must have. */
static ProtobufCMessage *new_message(
	struct mutator *m, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *msg = arena_alloc(&m->arena, type->sizeof_message);

	type->message_init(msg);
	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		if (f->label == PROTOBUF_C_LABEL_REQUIRED &&
			f->type == PROTOBUF_C_TYPE_MESSAGE)
			*(ProtobufCMessage **)((char *)msg + f->offset) =
				new_message(m, f->descriptor);
	}
	return msg;
}

static void mutate_value(struct mutator *m, const ProtobufCFieldDescriptor *f, void *v)
{
	ProtobufCBinaryData *bytes = v;
	char **text = v;
	size_t len;

	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		mutate_message(m, *(ProtobufCMessage **)v);
		break;
	case PROTOBUF_C_TYPE_STRING:
		len = *text ? strlen(*text) : 0;
		mutate_bytes(m, (uint8_t **)v, &len);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		mutate_bytes(m, &bytes->data, &bytes->len);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)v ^= 1;
		break;
	default:
		if (value_size(f->type) == 8)
			*(uint64_t *)v = odd_number(m, *(uint64_t *)v);
		else
			*(uint32_t *)v = odd_number(m, *(uint32_t *)v);
	}
}

/* A place for one more, somewhere; it holds zeros, or a message with its defaults. */
static void insert(struct mutator *m, const ProtobufCFieldDescriptor *f, size_t *n,
	char **list, bool copy)
{
	size_t size = value_size(f->type), at = below(m, *n + 1);
	char *new = arena_alloc(&m->arena, (*n + 1) * size);

	if (*n) {
		memcpy(new, *list, at * size);
		memcpy(new + (at + 1) * size, *list + at * size, (*n - at) * size);
	}
	if (copy)
		memcpy(new + at *size, *list + below(m, *n) * size, size);
	else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		*(ProtobufCMessage **)(new + at *size) = new_message(m, f->descriptor);
	else if (f->type == PROTOBUF_C_TYPE_STRING)
		*(char **)(new + at *size) = arena_text(&m->arena, "");
	*list = new;
	++*n;
}

static void mutate_list(
	struct mutator *m, const ProtobufCFieldDescriptor *f, size_t *n, char **list)
{
	size_t size = value_size(f->type), i = below(m, *n), k = below(m, *n);
	char swap[sizeof(ProtobufCBinaryData)];

	if (!*n || one_in(m, 12)) {
		insert(m, f, n, list, *n && one_in(m, 2));
		return;
	}
	switch (below(m, 12)) {
	case 0:
		memmove(*list + i * size, *list + (i + 1) * size, (*n - 1 - i) * size);
		--*n;
		break;
	case 1:
		memcpy(swap, *list + i * size, size);
		memcpy(*list + i * size, *list + k * size, size);
		memcpy(*list + k * size, swap, size);
		break;
	default:
		mutate_value(m, f, *list + i * size);
	}
}

static void mutate_optional(struct mutator *m, const ProtobufCFieldDescriptor *f,
	protobuf_c_boolean *has, void *v)
{
	void **pointer = v;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE && f->type != PROTOBUF_C_TYPE_STRING) {
		if (*has && one_in(m, 8)) {
			*has = false;
			return;
		}
		*has = true;
		mutate_value(m, f, v);
		return;
	}
	if (*pointer && one_in(m, 16)) {
		*pointer = NULL;
		return;
	}
	if (!*pointer && f->type == PROTOBUF_C_TYPE_MESSAGE)
		*pointer = new_message(m, f->descriptor);
	mutate_value(m, f, v);
}

/* Fields that hold something are preferred. */
static bool worthwhile(const ProtobufCFieldDescriptor *f, const char *msg)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(msg + f->quantifier_offset) != 0;
	if (f->label == PROTOBUF_C_LABEL_REQUIRED)
		return true;
	if (f->type == PROTOBUF_C_TYPE_MESSAGE || f->type == PROTOBUF_C_TYPE_STRING)
		return *(void *const *)(msg + f->offset) != NULL;
	return *(const protobuf_c_boolean *)(msg + f->quantifier_offset);
}

static void mutate_message(struct mutator *m, ProtobufCMessage *msg)
{
	const ProtobufCMessageDescriptor *d = msg->descriptor;
	const ProtobufCFieldDescriptor *f;
	char *base = (char *)msg;

	if (!d->n_fields)
		return;
	do
		f = &d->fields[below(m, d->n_fields)];
	while (!worthwhile(f, base) && !one_in(m, 8));
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		mutate_list(m, f, (size_t *)(base + f->quantifier_offset),
			(char **)(base + f->offset));
	else if (f->label == PROTOBUF_C_LABEL_OPTIONAL)
		mutate_optional(m, f, (protobuf_c_boolean *)(base + f->quantifier_offset),
			base + f->offset);
	else
		mutate_value(m, f, base + f->offset);
}

/* ---- a file ---- */

/* Its records, as far as it can be read. */
static size_t find_records(
	struct mutator *m, const struct archive_file *f, struct place *found)
{
	struct image_reader rd = { 0 };
	struct schema s;
	struct err err;
	size_t n = 0;

	schema_start(&s, f->kind);
	if (!s.row || image_reader_set(&rd, f->kind, f->number, IMAGE_VERSION, f->data,
			      f->size, &err))
		return 0;
	while (n < RECORDS_MAX && image_reader_rest(&rd)) {
		struct place p = { .type = schema_next(&s), .at = rd.pos };
		ProtobufCMessage *msg;

		if (image_reader_next(&rd, p.type, &m->arena.pb, &msg, &err) !=
			IMAGE_RECORD)
			break;
		p.len = rd.pos - p.at - sizeof(uint32_t);
		p.payload = schema_payload(&s, msg);
		if (p.payload > image_reader_rest(&rd))
			p.payload = image_reader_rest(&rd);
		rd.pos += p.payload;
		found[n++] = p;
	}
	return n;
}

/* Replace the bytes from `at` to `end` by others. */
static void splice(struct mutator *m, struct archive_file *f, size_t at, size_t end,
	const void *data, size_t len)
{
	uint8_t *new = arena_alloc(&m->arena, f->size - (end - at) + len);

	memcpy(new, f->data, at);
	if (len)
		memcpy(new + at, data, len);
	memcpy(new + at + len, f->data + end, f->size - end);
	f->data = new;
	f->size += len - (end - at);
}

static void put_record(struct mutator *m, struct archive_file *f, const struct place *p,
	const void *data, uint32_t len)
{
	splice(m, f, p->at + sizeof(len), p->at + sizeof(len) + p->len, data, len);
	memcpy((uint8_t *)f->data + p->at, &len, sizeof(len));
}

static void mutate_fields(
	struct mutator *m, struct archive_file *f, const struct place *p, size_t max)
{
	ProtobufCMessage *msg = protobuf_c_message_unpack(
		p->type, &m->arena.pb, p->len, f->data + p->at + sizeof(uint32_t));
	size_t len;
	void *packed;

	if (!msg)
		return;
	mutate_message(m, msg);
	len = protobuf_c_message_get_packed_size(msg);
	if (len > max)
		return;
	packed = arena_alloc(&m->arena, len);
	protobuf_c_message_pack(msg, packed);
	put_record(m, f, p, packed, len);
}

static void mutate_record(
	struct mutator *m, struct archive_file *f, const struct place *p, size_t max)
{
	const uint8_t *begin = f->data + p->at;
	size_t whole = sizeof(uint32_t) + p->len + p->payload, len = p->len;
	uint8_t *bytes = (uint8_t *)begin + sizeof(uint32_t);

	switch (below(m, 16)) {
	case 0:
		splice(m, f, p->at, p->at + whole, NULL, 0);
		break;
	case 1:
		splice(m, f, p->at, p->at, arena_copy(&m->arena, begin, whole), whole);
		break;
	case 2:
		splice(m, f, f->size, f->size, arena_copy(&m->arena, begin, whole),
			whole);
		break;
	case 3:
		mutate_bytes(m, &bytes, &len);
		put_record(m, f, p, bytes, len);
		break;
	default:
		mutate_fields(m, f, p, max);
	}
}

static void mutate_file(struct mutator *m, struct archive_file *f, size_t max)
{
	struct place *found = arena_alloc(&m->arena, RECORDS_MAX * sizeof(*found));
	size_t n = find_records(m, f, found), len = f->size;

	if (n && !one_in(m, 24)) {
		mutate_record(m, f, &found[below(m, n)], max);
		return;
	}
	mutate_bytes(m, (uint8_t **)&f->data, &len);
	f->size = len;
}

/* A file goes, or comes again under another number. */
static void mutate_names(struct mutator *m, struct archive *a)
{
	struct archive_file *f = &a->file[below(m, a->files)], copy = *f;

	if (a->files == ARCHIVE_FILES_MAX || one_in(m, 2)) {
		*f = a->file[--a->files];
		return;
	}
	copy.number = one_in(m, 2) ? odd_number(m, copy.number)
				   : a->file[below(m, a->files)].number;
	image_name(copy.name, copy.kind, copy.number);
	a->file[a->files++] = copy;
}

static size_t finish(struct mutator *m, struct archive *a, uint8_t *out, size_t max)
{
	uint8_t *packed = malloc(max);
	size_t size = archive_pack(a, packed, max);

	memcpy(out, packed, size);
	free(packed);
	arena_deinit(&m->arena);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	static struct archive a;
	struct mutator m;
	size_t made;

	archive_parse(&a, data, size);
	if (!a.files)
		return LLVMFuzzerMutate(data, size, max);
	init(&m, seed);
	do {
		if (a.files > 1 && one_in(&m, 40))
			mutate_names(&m, &a);
		else
			mutate_file(&m, &a.file[below(&m, a.files)], max);
	} while (!one_in(&m, 3));
	made = finish(&m, &a, data, max);
	return made ? made : size;
}

/*
 * A file of another dump in place of the first of its kind, under the number of that.
 * Mostly that fits nowhere, so it is seldom done.
 */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size,
	const uint8_t *other, size_t other_size, uint8_t *out, size_t max,
	unsigned int seed)
{
	static struct archive a, b;
	const struct archive_file *from;
	struct mutator m;
	size_t i = 0;

	init(&m, seed);
	archive_parse(&a, one, one_size);
	archive_parse(&b, other, other_size);
	if (!a.files || !b.files || !one_in(&m, 8))
		return 0;
	from = &b.file[below(&m, b.files)];
	while (i < a.files && a.file[i].kind != from->kind)
		i++;
	if (i < a.files) {
		a.file[i].data = from->data;
		a.file[i].size = from->size;
	} else if (a.files < ARCHIVE_FILES_MAX) {
		a.file[a.files++] = *from;
	}
	return finish(&m, &a, out, max);
}
