/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A walk over the fields of a packed protobuf message, without unpacking it.
 * For the two things that the library cannot do: to look at the bytes of one
 * field in place, and to know how deep messages are nested before a recursive
 * unpack meets them.
 */
#ifndef CRL_IMAGE_WIRE_H
#define CRL_IMAGE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ProtobufCMessageDescriptor;

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct wire_field {
	uint32_t number;
	enum wire_type type;
	const uint8_t *data; /* contents, inside the message */
	size_t len;
};

/*
 * Takes the field at *pos and moves *pos behind it. 1: *field is set; 0: at the
 * end; -1: the bytes are no message.
 */
int wire_next(const uint8_t **pos, const uint8_t *end, struct wire_field *field);

/* True if messages of the type are nested at most depth levels deep in data. */
bool wire_shallow(const struct ProtobufCMessageDescriptor *type, const uint8_t *data,
	size_t len, unsigned int depth);

#endif
