/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Framing of image files: a prologue of magic numbers, then records (a 32-bit
 * length and a packed message), some of them followed by raw bytes.
 *
 * A writer gathers one file in memory and creates it with a single write; a
 * reader has a whole file in memory and hands out its records. Both can be used
 * for one file after another and then keep their buffer.
 */
#ifndef CRL_IMAGE_FRAME_H
#define CRL_IMAGE_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "image/magic.h"

#define IMAGE_VERSION  2	    /* img_version that is written */
#define IMAGE_SIZE_MAX (1ull << 30) /* of an image that is read into memory */

struct ProtobufCAllocator;
struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;
struct err;
struct image_sum;

enum image_answer {
	IMAGE_END = 0,	     /* no record is left */
	IMAGE_RECORD = 1,    /* a record was read */
	IMAGE_NOT_THERE = 1, /* no such file; to a reader the same as an empty one */
	IMAGE_NOT_MADE = 1,  /* nothing was put into the image, so no file was made */
};

/* Starts as all zeros. Used by one thread at a time. */
struct image_writer {
	char name[IMAGE_NAME_SIZE];
	uint8_t *data;
	size_t size, room;
	size_t prologue; /* length of it: a file no longer than this holds nothing */
};

/* Begins a file, forgetting what was gathered before. */
int image_writer_start(
	struct image_writer *w, enum image_kind kind, uint64_t number, struct err *err);

int image_writer_record(
	struct image_writer *w, const struct ProtobufCMessage *msg, struct err *err);

/* Raw payload. */
int image_writer_bytes(
	struct image_writer *w, const void *data, size_t len, struct err *err);

/*
 * Creates the file, which must not exist, in dirfd (mode 0600). Sets *sum to what
 * was written. IMAGE_NOT_MADE if there was nothing to write. On failure a
 * partial file may be left.
 */
int image_writer_finish(
	struct image_writer *w, int dirfd, struct image_sum *sum, struct err *err);

void image_writer_deinit(struct image_writer *w);

/* Starts as all zeros. Used by one thread at a time. */
struct image_reader {
	char name[IMAGE_NAME_SIZE];
	enum image_kind kind;
	const uint8_t *data; /* the file */
	size_t size, pos;
	uint8_t *buf; /* owned */
	size_t room;
};

/*
 * Reads a file of dirfd into memory and checks its prologue against version, the
 * img_version of the inventory (any value for the inventory itself). Only regular
 * files are read, no symbolic links. IMAGE_NOT_THERE if there is none.
 */
int image_reader_load(struct image_reader *r, int dirfd, enum image_kind kind,
	uint64_t number, uint32_t version, struct err *err);

/* The same for contents already in memory, which must outlive the use of the reader. */
int image_reader_set(struct image_reader *r, enum image_kind kind, uint64_t number,
	uint32_t version, const void *data, size_t size, struct err *err);

/*
 * Unpacks the next record with alloc (NULL: malloc). IMAGE_RECORD with *msg set, which
 * protobuf_c_message_free_unpacked() frees, or IMAGE_END.
 */
int image_reader_next(struct image_reader *r,
	const struct ProtobufCMessageDescriptor *type, struct ProtobufCAllocator *alloc,
	struct ProtobufCMessage **msg, struct err *err);

/* The next len raw bytes; *data points into the reader. */
int image_reader_bytes(
	struct image_reader *r, size_t len, const void **data, struct err *err);

/* Bytes not yet read. */
static inline size_t image_reader_rest(const struct image_reader *r)
{
	return r->size - r->pos;
}

void image_reader_deinit(struct image_reader *r);

#endif
