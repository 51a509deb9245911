/* SPDX-License-Identifier: GPL-2.0-only */
/* What is in an image: the message types of its records, and the raw bytes behind them.
 */
#ifndef CRL_IMAGE_SCHEMA_H
#define CRL_IMAGE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "image/magic.h"

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;
struct schema_row;

/* A walk over the records of an image; begins with schema_start(). */
struct schema {
	const struct schema_row
		*row;	/* NULL: the kind holds no records, raw bytes only */
	uint64_t inner; /* records of the inner type that come next */
	bool started;
};

void schema_start(struct schema *s, enum image_kind kind);

/* The type of the next record; there must be a row. */
const struct ProtobufCMessageDescriptor *schema_next(const struct schema *s);

/*
 * That record was `msg`: how many raw bytes follow, SCHEMA_REST for all that
 * are left in the image.
 */
#define SCHEMA_REST UINT64_MAX
uint64_t schema_payload(struct schema *s, const struct ProtobufCMessage *msg);

#endif
