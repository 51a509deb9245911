/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The inventory: the last file of a dump to be written and the first to be read.
 * It ends the chain of checksums: it holds that of crl-sums.img and its own.
 */
#ifndef CRL_IMAGE_INVENTORY_H
#define CRL_IMAGE_INVENTORY_H

#include <stdint.h>

#define INVENTORY_FILE "inventory.img"

struct InventoryEntry;
struct ProtobufCAllocator;
struct err;

/* Writes inv, whose crl field is replaced for the time of the call, with the checksums.
 */
int inventory_write(struct InventoryEntry *inv, int dirfd, uint64_t sums_hash,
	const char *writer, struct err *err);

/*
 * Reads the inventory with alloc (NULL: malloc) and checks its own checksum, if
 * it has one: other programs write none, and then (*inv)->crl is NULL. A list of
 * checksums beside such an inventory is an error. img_version is not judged.
 * Fails with ENOENT if there is no inventory.
 */
int inventory_read(int dirfd, struct ProtobufCAllocator *alloc,
	struct InventoryEntry **inv, struct err *err);

#endif
