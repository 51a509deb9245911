/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checksums of image files: XXH3, 64 bits, seed 0. A small file has one hash.
 * A raw page file has one for every chunk of 1 MiB, so that it can be checked
 * by several threads and damage can be named by its place.
 */
#ifndef CRL_IMAGE_HASH_H
#define CRL_IMAGE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_CHUNK_SIZE (1u << 20)

struct err;
struct XXH3_state_s;

/* What is remembered of a file that has one hash. */
struct image_sum {
	uint64_t size;
	uint64_t hash;
};

uint64_t image_hash(const void *data, size_t len);

/* One hash over pieces. NULL when memory is short. */
struct XXH3_state_s *image_hash_new(void);
void image_hash_free(struct XXH3_state_s *state);
void image_hash_reset(struct XXH3_state_s *state);
void image_hash_update(struct XXH3_state_s *state, const void *data, size_t len);
uint64_t image_hash_digest(const struct XXH3_state_s *state);

/* Hashes the bytes of a page file as they are written, in order, in pieces of any size.
 */
struct chunk_hasher {
	struct XXH3_state_s *state;
	uint64_t size;	  /* bytes so far */
	uint64_t *hashes; /* of the chunks completed; owned */
	size_t nr, room;
};

int chunk_hasher_init(struct chunk_hasher *h, struct err *err);
int chunk_hasher_update(
	struct chunk_hasher *h, const void *data, size_t len, struct err *err);

/* Ends the last, shorter chunk. Afterwards size, hashes and nr are those of the file. */
int chunk_hasher_finish(struct chunk_hasher *h, struct err *err);

/* May run twice, and on what is all zeros. */
void chunk_hasher_deinit(struct chunk_hasher *h);

#endif
