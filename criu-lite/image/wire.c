// SPDX-License-Identifier: GPL-2.0-only
/* A walk over packed messages: see wire.h. */
#include <protobuf-c/protobuf-c.h>

#include "image/wire.h"

static bool take_varint(const uint8_t **pos, const uint8_t *end, uint64_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; shift < 70 && *pos < end; shift += 7) {
		uint8_t byte = *(*pos)++;

		*value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

int wire_next(const uint8_t **pos, const uint8_t *end, struct wire_field *field)
{
	uint64_t tag, value;

	if (*pos == end)
		return 0;
	if (!take_varint(pos, end, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX)
		return -1;
	field->number = tag >> 3;
	field->type = tag & 7;
	field->data = *pos;
	switch (field->type) {
	case WIRE_VARINT:
		if (!take_varint(pos, end, &value))
			return -1;
		field->len = *pos - field->data;
		return 1;
	case WIRE_BYTES:
		if (!take_varint(pos, end, &value))
			return -1;
		field->data = *pos;
		break;
	case WIRE_FIXED64:
		value = 8;
		break;
	case WIRE_FIXED32:
		value = 4;
		break;
	default:
		return -1;
	}
	if (value > (size_t)(end - *pos))
		return -1;
	field->len = value;
	*pos += value;
	return 1;
}

bool wire_shallow(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
	unsigned int depth)
{
	const uint8_t *pos = data, *end = data + len;
	struct wire_field field;

	while (wire_next(&pos, end, &field) > 0) {
		const ProtobufCFieldDescriptor *fd;

		if (field.type != WIRE_BYTES)
			continue;
		fd = protobuf_c_message_descriptor_get_field(type, field.number);
		if (!fd || fd->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (!depth ||
			!wire_shallow(fd->descriptor, field.data, field.len, depth - 1))
			return false;
	}
	return true;
}
