// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any message, field by field, from the description that protoc-c has compiled
 * in. Nothing here knows a message type; fields of a newer writer, which this
 * program has no name for, are shown by number and length.
 */
#include <inttypes.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/print.h"
#include "cmd/show.h"

#define HEX_FROM 0x10000 /* smaller numbers are shown in decimal only */

static const void *member(const ProtobufCMessage *msg, unsigned offset)
{
	return (const char *)msg + offset;
}

static bool is_there(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)member(msg, f->quantifier_offset) > 0;
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE) {
		const void *p = *(const void *const *)member(msg, f->offset);

		return p && p != f->default_value;
	}
	return f->label == PROTOBUF_C_LABEL_REQUIRED ||
	       *(const protobuf_c_boolean *)member(msg, f->quantifier_offset);
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

static const char *enum_name(const ProtobufCFieldDescriptor *f, int value)
{
	const ProtobufCEnumValue *v =
		protobuf_c_enum_descriptor_get_value(f->descriptor, value);

	return v ? v->name : NULL;
}

/* A number of any type that has no sign; false for another type. */
static bool as_unsigned(ProtobufCType type, const void *v, uint64_t *value)
{
	if (type == PROTOBUF_C_TYPE_UINT32 || type == PROTOBUF_C_TYPE_FIXED32)
		*value = *(const uint32_t *)v;
	else if (type == PROTOBUF_C_TYPE_UINT64 || type == PROTOBUF_C_TYPE_FIXED64)
		*value = *(const uint64_t *)v;
	else
		return false;
	return true;
}

static bool as_signed(ProtobufCType type, const void *v, int64_t *value)
{
	if (type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_SINT32 ||
		type == PROTOBUF_C_TYPE_SFIXED32 || type == PROTOBUF_C_TYPE_ENUM)
		*value = *(const int32_t *)v;
	else if (type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_SINT64 ||
		 type == PROTOBUF_C_TYPE_SFIXED64)
		*value = *(const int64_t *)v;
	else
		return false;
	return true;
}

static bool as_real(ProtobufCType type, const void *v, double *value)
{
	if (type == PROTOBUF_C_TYPE_FLOAT)
		*value = *(const float *)v;
	else if (type == PROTOBUF_C_TYPE_DOUBLE)
		*value = *(const double *)v;
	else
		return false;
	return true;
}

/* ---- text ---- */

static void text_bytes(const ProtobufCBinaryData *b)
{
	if (!b->len)
		printf("(empty)");
	for (size_t i = 0; i < b->len; i++)
		printf("%02x", b->data[i]);
}

static void text_value(const ProtobufCFieldDescriptor *f, const void *v)
{
	const char *name;
	uint64_t u;
	int64_t i;
	double r;

	if (as_unsigned(f->type, v, &u)) {
		printf("%" PRIu64, u);
		if (u >= HEX_FROM)
			printf(" (%#" PRIx64 ")", u);
	} else if (as_signed(f->type, v, &i)) {
		name = f->type == PROTOBUF_C_TYPE_ENUM ? enum_name(f, i) : NULL;
		if (name)
			printf("%s", name);
		else
			printf("%" PRId64, i);
	} else if (as_real(f->type, v, &r)) {
		printf("%g", r);
	} else if (f->type == PROTOBUF_C_TYPE_BOOL) {
		printf("%s", *(const protobuf_c_boolean *)v ? "true" : "false");
	} else if (f->type == PROTOBUF_C_TYPE_BYTES) {
		text_bytes(v);
	} else if (f->type == PROTOBUF_C_TYPE_STRING) {
		putchar('"');
		print_name(stdout, *(const char *const *)v);
		putchar('"');
	}
}

static void text_head(
	const ProtobufCFieldDescriptor *f, unsigned depth, const char *after)
{
	printf("%*s%s:%s", 2 * (int)depth, "", f->name, after);
}

static void text_field(
	const ProtobufCFieldDescriptor *f, const char *v, size_t n, unsigned depth)
{
	size_t size = value_size(f->type);

	if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		for (size_t i = 0; i < n; i++, v += size) {
			text_head(f, depth, "\n");
			show_message(
				*(const ProtobufCMessage *const *)v, depth + 1, NULL);
		}
		return;
	}
	text_head(f, depth, "");
	for (size_t i = 0; i < n; i++, v += size) {
		putchar(' ');
		text_value(f, v);
	}
	putchar('\n');
}

/* ---- JSON ---- */

static void json_value(
	struct json *j, const char *key, const ProtobufCFieldDescriptor *f, const void *v)
{
	const ProtobufCBinaryData *b = v;
	const char *name = NULL;
	uint64_t u;
	int64_t i;
	double r;

	if (as_unsigned(f->type, v, &u)) {
		json_unsigned(j, key, u);
	} else if (as_signed(f->type, v, &i)) {
		if (f->type == PROTOBUF_C_TYPE_ENUM)
			name = enum_name(f, i);
		if (name)
			json_text(j, key, name);
		else
			json_signed(j, key, i);
	} else if (as_real(f->type, v, &r)) {
		json_real(j, key, r);
	} else if (f->type == PROTOBUF_C_TYPE_BOOL) {
		json_bool(j, key, *(const protobuf_c_boolean *)v);
	} else if (f->type == PROTOBUF_C_TYPE_BYTES) {
		json_hex(j, key, b->data, b->len);
	} else if (f->type == PROTOBUF_C_TYPE_STRING) {
		json_text(j, key, *(const char *const *)v);
	} else {
		json_object(j, key);
		show_message(*(const ProtobufCMessage *const *)v, 0, j);
		json_object_end(j);
	}
}

static void json_field(
	struct json *j, const ProtobufCFieldDescriptor *f, const char *v, size_t n)
{
	if (f->label != PROTOBUF_C_LABEL_REPEATED) {
		json_value(j, f->name, f, v);
		return;
	}
	json_array(j, f->name, f->type != PROTOBUF_C_TYPE_MESSAGE);
	for (size_t i = 0; i < n; i++)
		json_value(j, NULL, f, v + i * value_size(f->type));
	json_array_end(j);
}

/* ---- both ---- */

static void unknown_field(
	const ProtobufCMessageUnknownField *u, unsigned depth, struct json *j)
{
	char name[32];

	snprintf(name, sizeof(name), "field_%u", u->tag);
	if (j)
		json_hex(j, name, u->data, u->len);
	else
		printf("%*s%s: %zu bytes that this crl does not know\n", 2 * (int)depth,
			"", name, u->len);
}

void show_message(const ProtobufCMessage *msg, unsigned depth, struct json *j)
{
	const ProtobufCMessageDescriptor *d = msg->descriptor;

	for (unsigned i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const char *v = member(msg, f->offset);
		size_t n = 1;

		if (!is_there(msg, f))
			continue;
		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			n = *(const size_t *)member(msg, f->quantifier_offset);
			v = *(const char *const *)v;
		}
		if (j)
			json_field(j, f, v, n);
		else
			text_field(f, v, n, depth);
	}
	for (unsigned i = 0; i < msg->n_unknown_fields; i++)
		unknown_field(&msg->unknown_fields[i], depth, j);
}
