// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checksum list of a dump: see sums.h.
 *
 * In the file each entry is a record of its own, sorted by name: the same dump
 * gives the same list whatever the order in which threads finished their files.
 * A dump of a thousand processes has eight thousand entries, so they are kept in
 * a flat array and looked up by bisection.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "image/frame.h"
#include "image/hash.h"
#include "image/sums.h"
#include "proto/crl.pb-c.h"

struct sums {
	pthread_mutex_t lock; /* of all below, while entries are added */
	struct sums_entry *entries;
	size_t nr, room;
};

struct sums *sums_new(void)
{
	struct sums *sums = calloc(1, sizeof(*sums));

	if (sums)
		pthread_mutex_init(&sums->lock, NULL);
	return sums;
}

void sums_free(struct sums *sums)
{
	if (!sums)
		return;
	for (size_t i = 0; i < sums->nr; i++) {
		free(sums->entries[i].name);
		free(sums->entries[i].chunks);
	}
	free(sums->entries);
	pthread_mutex_destroy(&sums->lock);
	free(sums);
}

/* Takes over name and chunks of e in any case. */
static int append(struct sums *sums, const struct sums_entry *e, struct err *err)
{
	struct sums_entry *entries;

	pthread_mutex_lock(&sums->lock);
	entries = sums->entries;
	if (sums->nr == sums->room) {
		size_t room = sums->room ? 2 * sums->room : 64;

		entries = reallocarray(sums->entries, room, sizeof(*entries));
		if (entries) {
			sums->entries = entries;
			sums->room = room;
		}
	}
	if (entries && e->name)
		entries[sums->nr++] = *e;
	pthread_mutex_unlock(&sums->lock);
	if (entries && e->name)
		return 0;
	free(e->name);
	free(e->chunks);
	return err_os(err, ENOMEM, "%s", SUMS_FILE);
}

int sums_add(
	struct sums *sums, const char *name, const struct image_sum *sum, struct err *err)
{
	const struct sums_entry e = {
		.name = strdup(name),
		.size = sum->size,
		.hash = sum->hash,
	};

	return append(sums, &e, err);
}

int sums_add_chunks(struct sums *sums, const char *name, const struct chunk_hasher *h,
	struct err *err)
{
	struct sums_entry e = {
		.name = strdup(name),
		.size = h->size,
		.chunk_size = IMAGE_CHUNK_SIZE,
		.nr_chunks = h->nr,
	};

	if (h->nr) {
		e.chunks = malloc(h->nr * sizeof(*e.chunks));
		if (!e.chunks) {
			free(e.name);
			return err_os(err, ENOMEM, "%s", SUMS_FILE);
		}
		memcpy(e.chunks, h->hashes, h->nr * sizeof(*e.chunks));
	}
	return append(sums, &e, err);
}

int sums_finish_image(
	struct sums *sums, struct image_writer *w, int dirfd, struct err *err)
{
	struct image_sum sum;
	int ret = image_writer_finish(w, dirfd, &sum, err);

	if (ret == IMAGE_NOT_MADE)
		return 0;
	return ret ? ret : sums_add(sums, w->name, &sum, err);
}

static int by_name(const void *a, const void *b)
{
	const struct sums_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int put_entry(struct image_writer *w, const struct sums_entry *e, struct err *err)
{
	CrlSumsEntry msg = CRL_SUMS_ENTRY__INIT;

	msg.name = e->name;
	msg.size = e->size;
	if (e->chunk_size) {
		msg.has_chunk_size = true;
		msg.chunk_size = e->chunk_size;
		msg.n_chunks = e->nr_chunks;
		msg.chunks = e->chunks;
	} else {
		msg.has_hash = true;
		msg.hash = e->hash;
	}
	return image_writer_record(w, &msg.base, err);
}

int sums_write(struct sums *sums, int dirfd, uint64_t *hash, struct err *err)
{
	struct image_writer w = { 0 };
	struct image_sum sum = { 0 };
	int ret;

	if (sums->nr)
		qsort(sums->entries, sums->nr, sizeof(*sums->entries), by_name);
	ret = FAULT_STEP(SUMS, err, image_writer_start(&w, IMAGE_CRL_SUMS, 0, err));
	for (size_t i = 0; i < sums->nr && !ret; i++)
		ret = put_entry(&w, &sums->entries[i], err);
	if (!ret)
		ret = image_writer_finish(&w, dirfd, &sum, err);
	if (ret == IMAGE_NOT_MADE)
		ret = err_set(err, EINVAL, "%s: there is no image to list", SUMS_FILE);
	*hash = sum.hash;
	image_writer_deinit(&w);
	return ret;
}

/* A name that can be given to openat() without leaving the directory, and printed. */
static bool plain_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (*c == '/' || *c <= ' ' || *c > '~')
			return false;
	return *name && strcmp(name, ".") && strcmp(name, "..");
}

static int take_entry(struct sums *sums, CrlSumsEntry *msg, struct err *err)
{
	const char *before = sums->nr ? sums->entries[sums->nr - 1].name : "";
	struct sums_entry e = {
		.size = msg->size,
		.hash = msg->hash,
		.chunk_size = msg->chunk_size,
		.nr_chunks = msg->n_chunks,
	};

	if (!plain_name(msg->name) || strcmp(before, msg->name) >= 0)
		return err_set(err, EBADMSG,
			"%s: entry %zu has no usable name or is out of order", SUMS_FILE,
			sums->nr);
	if (!msg->has_hash == !e.chunk_size ||
		(e.chunk_size &&
			e.nr_chunks != e.size / e.chunk_size + !!(e.size % e.chunk_size)))
		return err_set(err, EBADMSG,
			"%s: %s has not the checksums that its size needs", SUMS_FILE,
			msg->name);
	e.name = strdup(msg->name);
	e.chunks = msg->chunks;
	msg->chunks = NULL;
	msg->n_chunks = 0;
	return append(sums, &e, err);
}

static int take_all(struct sums *sums, struct image_reader *r, struct err *err)
{
	ProtobufCMessage *msg = NULL;
	int ret;

	while ((ret = image_reader_next(
			r, &crl_sums_entry__descriptor, NULL, &msg, err)) > 0) {
		ret = take_entry(sums, (CrlSumsEntry *)msg, err);
		protobuf_c_message_free_unpacked(msg, NULL);
		if (ret)
			break;
	}
	return ret;
}

int sums_load(int dirfd, uint64_t hash, struct sums **result, struct err *err)
{
	struct image_reader r = { 0 };
	struct sums *sums = sums_new();
	int ret;

	if (!sums)
		return err_os(err, ENOMEM, "%s", SUMS_FILE);
	ret = image_reader_load(&r, dirfd, IMAGE_CRL_SUMS, 0, IMAGE_VERSION, err);
	if (ret == IMAGE_NOT_THERE)
		ret = err_set(err, EBADMSG,
			"%s: missing; the dump is incomplete, use another copy",
			SUMS_FILE);
	if (!ret && image_hash(r.data, r.size) != hash)
		ret = err_set(err, EBADMSG,
			"%s: does not match its checksum; the dump is damaged, use "
			"another copy",
			SUMS_FILE);
	if (!ret)
		ret = take_all(sums, &r, err);
	if (ret)
		sums_free(sums);
	else
		*result = sums;
	image_reader_deinit(&r);
	return ret;
}

size_t sums_count(const struct sums *sums)
{
	return sums->nr;
}

const struct sums_entry *sums_entry(const struct sums *sums, size_t i)
{
	return &sums->entries[i];
}

const struct sums_entry *sums_find(const struct sums *sums, const char *name)
{
	const struct sums_entry key = { .name = (char *)name };

	if (!sums->nr)
		return NULL;
	return bsearch(&key, sums->entries, sums->nr, sizeof(key), by_name);
}

int sums_check_size(const struct sums_entry *e, uint64_t size, struct err *err)
{
	if (size == e->size)
		return 0;
	return err_set(err, EBADMSG,
		"%s: is %llu bytes long, but %llu were written; the dump is %s, use "
		"another "
		"copy",
		e->name, (unsigned long long)size, (unsigned long long)e->size,
		size < e->size ? "truncated" : "damaged");
}

int sums_check(
	const struct sums_entry *e, const void *data, uint64_t size, struct err *err)
{
	int ret = sums_check_size(e, size, err);

	if (!ret && image_hash(data, size) != e->hash)
		ret = err_set(err, EBADMSG,
			"%s: does not match its checksum; the dump is damaged, use "
			"another copy",
			e->name);
	return ret;
}
