/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The input of the targets that read images: the files of a dump in one buffer.
 * A file is a byte, the length of its name, the name, four bytes, the length of
 * the contents (little-endian), and the contents. Of page files only the size
 * matters before a process exists, so their contents here are eight bytes, the
 * size; they become sparse files.
 */
#ifndef CRL_FUZZ_ARCHIVE_H
#define CRL_FUZZ_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/magic.h"

#define ARCHIVE_FILES_MAX 512

struct archive_file {
	char name[IMAGE_NAME_SIZE];
	enum image_kind kind;
	uint64_t number;
	const uint8_t *data; /* in the input, or in an arena */
	uint32_t size;
};

struct archive {
	struct archive_file file[ARCHIVE_FILES_MAX];
	size_t files;
};

/* Names that no image has are passed over, and what is cut off. Data stays where it is.
 */
void archive_parse(struct archive *a, const uint8_t *data, size_t size);

/* The inverse; the length, or 0 when it does not fit. */
size_t archive_pack(const struct archive *a, uint8_t *out, size_t room);

/* A copy of a page file's size; 0 for other files. */
uint64_t archive_page_bytes(const struct archive_file *f);

/* Files that stay are for archive_unlink. Of two with the same name the first counts. */
void archive_write(const struct archive *a, int dir);
void archive_unlink(const struct archive *a, int dir);

#endif
