// SPDX-License-Identifier: GPL-2.0-only
/* Checksums of image files: see hash.h. The only file that includes xxhash. */
#include <errno.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "crl/err.h"
#include "image/hash.h"

uint64_t image_hash(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

struct XXH3_state_s *image_hash_new(void)
{
	return XXH3_createState();
}

void image_hash_free(struct XXH3_state_s *state)
{
	XXH3_freeState(state);
}

void image_hash_reset(struct XXH3_state_s *state)
{
	XXH3_64bits_reset(state);
}

void image_hash_update(struct XXH3_state_s *state, const void *data, size_t len)
{
	XXH3_64bits_update(state, data, len);
}

uint64_t image_hash_digest(const struct XXH3_state_s *state)
{
	return XXH3_64bits_digest(state);
}

int chunk_hasher_init(struct chunk_hasher *h, struct err *err)
{
	*h = (struct chunk_hasher){ 0 };
	h->state = XXH3_createState();
	if (!h->state)
		return err_os(err, ENOMEM, "checksum");
	XXH3_64bits_reset(h->state);
	return 0;
}

static int end_chunk(struct chunk_hasher *h, struct err *err)
{
	if (h->nr == h->room) {
		size_t room = h->room ? 2 * h->room : 64;
		uint64_t *hashes = reallocarray(h->hashes, room, sizeof(*hashes));

		if (!hashes)
			return err_os(err, ENOMEM, "checksum");
		h->hashes = hashes;
		h->room = room;
	}
	h->hashes[h->nr++] = XXH3_64bits_digest(h->state);
	XXH3_64bits_reset(h->state);
	return 0;
}

int chunk_hasher_update(
	struct chunk_hasher *h, const void *data, size_t len, struct err *err)
{
	const uint8_t *p = data;
	int ret = 0;

	while (len && !ret) {
		size_t left = IMAGE_CHUNK_SIZE - h->size % IMAGE_CHUNK_SIZE;
		size_t part = len < left ? len : left;

		XXH3_64bits_update(h->state, p, part);
		h->size += part;
		p += part;
		len -= part;
		if (part == left)
			ret = end_chunk(h, err);
	}
	return ret;
}

int chunk_hasher_finish(struct chunk_hasher *h, struct err *err)
{
	return h->size % IMAGE_CHUNK_SIZE ? end_chunk(h, err) : 0;
}

void chunk_hasher_deinit(struct chunk_hasher *h)
{
	XXH3_freeState(h->state);
	free(h->hashes);
	*h = (struct chunk_hasher){ 0 };
}
