/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checksum list of a dump: name, size and checksum of every file but the
 * list itself (crl-sums.img) and the inventory. During a dump it is filled by
 * whoever writes files, from any thread; for a restore it is loaded and asked.
 * The inventory holds the checksum of the list: see inventory.h.
 */
#ifndef CRL_IMAGE_SUMS_H
#define CRL_IMAGE_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUMS_FILE "crl-sums.img"

struct chunk_hasher;
struct err;
struct image_sum;
struct image_writer;
struct sums;

struct sums_entry {
	char *name;
	uint64_t size;
	uint64_t hash; /* of the whole, if there are no chunks */
	uint64_t *
		chunks; /* one hash for every chunk_size bytes, the last may be shorter */
	uint64_t nr_chunks;
	uint32_t chunk_size; /* 0: hashed as a whole */
};

/* NULL when memory is short. */
struct sums *sums_new(void);
void sums_free(struct sums *sums);

/* Each of these may be called by several threads at once. */
int sums_add(struct sums *sums, const char *name, const struct image_sum *sum,
	struct err *err);

/* A page file; h is finished, and its hashes are copied. */
int sums_add_chunks(struct sums *sums, const char *name, const struct chunk_hasher *h,
	struct err *err);

/* Finish an image file and add it, if it was made. */
int sums_finish_image(
	struct sums *sums, struct image_writer *w, int dirfd, struct err *err);

/* Writes the list, in order of names, and sets *hash to the checksum of its file. */
int sums_write(struct sums *sums, int dirfd, uint64_t *hash, struct err *err);

/* Reads the list of a dump; hash is what the inventory says of it. Free with sums_free().
 */
int sums_load(int dirfd, uint64_t hash, struct sums **sums, struct err *err);

/* What follows is for lists that were loaded, or written: they are in order. */

size_t sums_count(const struct sums *sums);
const struct sums_entry *sums_entry(const struct sums *sums, size_t i);

/* NULL if the file is not listed. */
const struct sums_entry *sums_find(const struct sums *sums, const char *name);

/* Compare the contents of a file that is not hashed in chunks. EBADMSG if they differ. */
int sums_check(
	const struct sums_entry *e, const void *data, uint64_t size, struct err *err);

/* The same for the size alone. */
int sums_check_size(const struct sums_entry *e, uint64_t size, struct err *err);

#endif
