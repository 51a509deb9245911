// SPDX-License-Identifier: GPL-2.0-only
/*
 * The inventory and its checksum: see inventory.h.
 *
 * The checksum is taken over the packed message with zeros in the eight bytes
 * that hold it. A reader finds these bytes in the file instead of unpacking and
 * packing again: a newer crl may have written fields that this one would put
 * in another place.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "image/frame.h"
#include "image/hash.h"
#include "image/inventory.h"
#include "image/sums.h"
#include "image/wire.h"
#include "proto/inventory.pb-c.h"

#define SEAL_VERSION 1
#define CRL_FIELD    1000 /* of inventory_entry */
#define HASH_FIELD   3	  /* of crl_inventory */

/* The last field of that number and type, as the library takes it; NULL if there is none.
 */
static const uint8_t *find(const uint8_t *data, size_t len, uint32_t number,
	enum wire_type type, size_t *found_len)
{
	const uint8_t *pos = data, *found = NULL;
	struct wire_field field;

	while (wire_next(&pos, data + len, &field) > 0) {
		if (field.number == number && field.type == type) {
			found = field.data;
			*found_len = field.len;
		}
	}
	return found;
}

static int seal_of(const uint8_t *data, size_t len, uint64_t *hash, struct err *err)
{
	size_t inner_len = 0, hash_len;
	const uint8_t *inner = find(data, len, CRL_FIELD, WIRE_BYTES, &inner_len);
	const uint8_t *place =
		inner ? find(inner, inner_len, HASH_FIELD, WIRE_FIXED64, &hash_len)
		      : NULL;
	auto_free uint8_t *copy = malloc(len);

	if (!copy)
		return err_os(err, ENOMEM, "%s", INVENTORY_FILE);
	if (!place)
		return err_set(err, EBADMSG,
			"%s: its checksum is missing; the dump is damaged, use another "
			"copy",
			INVENTORY_FILE);
	memcpy(copy, data, len);
	memset(copy + (place - data), 0, sizeof(*hash));
	*hash = image_hash(copy, len);
	return 0;
}

int inventory_write(InventoryEntry *inv, int dirfd, uint64_t sums_hash,
	const char *writer, struct err *err)
{
	CrlInventory crl = CRL_INVENTORY__INIT, *before = inv->crl;
	struct image_writer w = { 0 };
	struct image_sum sum;
	int ret;

	crl.version = SEAL_VERSION;
	crl.sums_hash = sums_hash;
	crl.writer = (char *)writer;
	inv->crl = &crl;
	for (int pass = 0; pass < 2; pass++) {
		ret = image_writer_start(&w, IMAGE_INVENTORY, 0, err);
		if (!ret)
			ret = image_writer_record(&w, &inv->base, err);
		if (!ret && pass == 0)
			ret = seal_of(w.data + w.prologue + sizeof(uint32_t),
				w.size - w.prologue - sizeof(uint32_t),
				&crl.inventory_hash, err);
		if (ret)
			break;
	}
	if (!ret)
		ret = FAULT_STEP(
			INVENTORY, err, image_writer_finish(&w, dirfd, &sum, err));
	inv->crl = before;
	image_writer_deinit(&w);
	return ret;
}

static int check_seal(const InventoryEntry *inv, const uint8_t *data, size_t len,
	int dirfd, struct err *err)
{
	uint64_t hash = 0;
	struct stat st;
	int ret;

	if (!inv->crl) {
		if (fstatat(dirfd, SUMS_FILE, &st, AT_SYMLINK_NOFOLLOW))
			return 0;
		return err_set(err, EBADMSG,
			"%s: does not mention %s; it is damaged, or another program has "
			"written a dump over one of crl (then remove %s)",
			INVENTORY_FILE, SUMS_FILE, SUMS_FILE);
	}
	if (inv->crl->version > SEAL_VERSION)
		return err_set(err, ENOTSUP,
			"%s: has checksums of version %u, this crl knows version %u; use "
			"a newer crl",
			INVENTORY_FILE, inv->crl->version, SEAL_VERSION);
	ret = seal_of(data, len, &hash, err);
	if (!ret && hash != inv->crl->inventory_hash)
		ret = err_set(err, EBADMSG,
			"%s: does not match its checksum; the dump is damaged, use "
			"another copy",
			INVENTORY_FILE);
	return ret;
}

static int take(struct image_reader *r, ProtobufCAllocator *alloc, InventoryEntry **inv,
	struct err *err)
{
	ProtobufCMessage *msg = NULL;
	int ret = image_reader_next(r, &inventory_entry__descriptor, alloc, &msg, err);

	if (ret == IMAGE_RECORD && image_reader_rest(r)) {
		protobuf_c_message_free_unpacked(msg, alloc);
		ret = IMAGE_END;
	}
	if (ret == IMAGE_END)
		return err_set(err, EBADMSG,
			"%s: should hold exactly one record; it is truncated or damaged, "
			"use another copy",
			INVENTORY_FILE);
	if (ret < 0)
		return ret;
	*inv = (InventoryEntry *)msg;
	return 0;
}

int inventory_read(
	int dirfd, ProtobufCAllocator *alloc, InventoryEntry **inv, struct err *err)
{
	struct image_reader r = { 0 };
	InventoryEntry *msg = NULL;
	size_t start;
	int ret = image_reader_load(&r, dirfd, IMAGE_INVENTORY, 0, IMAGE_VERSION, err);

	if (ret == IMAGE_NOT_THERE)
		ret = err_set(err, ENOENT,
			"%s: missing; this is no dump, or one that was never finished",
			INVENTORY_FILE);
	start = r.pos + sizeof(uint32_t);
	if (!ret)
		ret = take(&r, alloc, &msg, err);
	if (!ret)
		ret = check_seal(msg, r.data + start, r.size - start, dirfd, err);
	if (!ret)
		*inv = msg;
	else if (msg)
		inventory_entry__free_unpacked(msg, alloc);
	image_reader_deinit(&r);
	return ret;
}
