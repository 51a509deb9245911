// SPDX-License-Identifier: GPL-2.0-only
/* The checksums of a dump: what is whole passes, whatever is changed is found and named.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "image/scratch.h"

#include "image/frame.h"
#include "image/hash.h"
#include "image/inventory.h"
#include "image/sums.h"
#include "image/verify.h"
#include "proto/crl.pb-c.h"
#include "proto/inventory.pb-c.h"
#include "proto/pstree.pb-c.h"

#define MIB (1 << 20)
#define PAGES_SIZE                                                                       \
	(37 * MIB + 4096) /* three pieces of 16 chunks, the last chunk short             \
			   */

static void add_image(struct sums *sums, enum image_kind kind, uint64_t number)
{
	struct image_writer w = { 0 };
	PstreeEntry e = PSTREE_ENTRY__INIT;

	e.pid = number;
	CHECK_OK(image_writer_start(&w, kind, number, &err));
	CHECK_OK(image_writer_record(&w, &e.base, &err));
	CHECK_OK(sums_finish_image(sums, &w, scratch, &err));
	image_writer_deinit(&w);
}

/* Pages that differ, handed over in pieces that are no divisor of a chunk. */
static void add_pages(struct sums *sums, const char *name, size_t size)
{
	uint32_t *data = malloc(size + 1);
	struct chunk_hasher h;

	for (size_t i = 0; i < size / 4; i++)
		data[i] = i * 2654435761u;
	put_file(name, data, size, 0);
	CHECK_OK(chunk_hasher_init(&h, &err));
	for (size_t at = 0; at < size; at += 700001)
		CHECK_OK(chunk_hasher_update(&h, (char *)data + at,
			size - at < 700001 ? size - at : 700001, &err));
	CHECK_OK(chunk_hasher_finish(&h, &err));
	CU_ASSERT_EQUAL(h.size, size);
	CU_ASSERT_EQUAL_FATAL(h.nr, (size + MIB - 1) / MIB);
	if (size)
		CU_ASSERT_EQUAL(h.hashes[0], image_hash(data, size < MIB ? size : MIB));
	CHECK_OK(sums_add_chunks(sums, name, &h, &err));
	chunk_hasher_deinit(&h);
	free(data);
}

static void seal(struct sums *sums)
{
	InventoryEntry inv = INVENTORY_ENTRY__INIT;
	uint64_t hash;

	inv.img_version = IMAGE_VERSION;
	inv.dump_criu_run_id = (char *)"8b8ac0e9-6b5c-4d3f-9b0e-2f2b3f9e1a77";
	CHECK_OK(sums_write(sums, scratch, &hash, &err));
	CHECK_OK(inventory_write(&inv, scratch, hash, "crl test", &err));
	CU_ASSERT_PTR_NULL(inv.crl);
}

/* A small dump: four images, one large page file, an empty one. */
static void make_dump(void)
{
	struct sums *sums = sums_new();

	add_pages(sums, "pages-1.img", PAGES_SIZE);
	add_image(sums, IMAGE_PSTREE, 0);
	for (uint64_t i = 7; i < 10; i++)
		add_image(sums, IMAGE_CORE, i);
	put_file("pages-2.img", "", 0, 0);
	add_pages(sums, "pages-2.img", 0);
	seal(sums);
	sums_free(sums);
	CHECK_OK(verify_dump(scratch, 1, &err));
	CHECK_OK(verify_dump(scratch, 2, &err));
}

static void check_damage(const char *words)
{
	for (unsigned int threads = 1; threads <= 3; threads++)
		CHECK_FAILS(verify_dump(scratch, threads, &err), EBADMSG, words);
}

static void whole(void)
{
	make_dump();
	put_file("restore.log", "not an image", 12, 0);
	CHECK_OK(verify_dump(scratch, 2, &err));
}

static void flipped_image(void)
{
	make_dump();
	flip_byte("core-8.img", length_of("core-8.img") - 1);
	check_damage("core-8.img: does not match its checksum");
}

static void flipped_pages(void)
{
	make_dump();
	flip_byte("pages-1.img", MIB + 12345);
	check_damage("pages-1.img: bytes 1048576-2097152 do not match their checksum; "
		     "the dump is damaged");
	flip_byte("pages-1.img", MIB + 12345);
	CHECK_OK(verify_dump(scratch, 2, &err));
	/* Of several, the first is named. */
	flip_byte("pages-1.img", PAGES_SIZE - 1);
	flip_byte("pages-1.img", 20 * MIB);
	flip_byte("pages-1.img", 20 * MIB - 1);
	check_damage("pages-1.img: bytes 19922944-20971520 ");
	flip_byte("pages-1.img", 20 * MIB);
	flip_byte("pages-1.img", 20 * MIB - 1);
	check_damage("pages-1.img: bytes 38797312-38801408 ");
}

static void swapped_chunks(void)
{
	char *a = malloc(MIB), *b = malloc(MIB);
	int fd;

	make_dump();
	fd = openat(scratch, "pages-1.img", O_RDWR);
	CU_ASSERT_EQUAL(pread(fd, a, MIB, 3 * MIB), MIB);
	CU_ASSERT_EQUAL(pread(fd, b, MIB, 4 * MIB), MIB);
	CU_ASSERT_EQUAL(pwrite(fd, b, MIB, 3 * MIB), MIB);
	CU_ASSERT_EQUAL(pwrite(fd, a, MIB, 4 * MIB), MIB);
	close(fd);
	check_damage("pages-1.img: bytes 3145728-4194304 ");
	free(a);
	free(b);
}

static void wrong_length(void)
{
	make_dump();
	set_length("pages-1.img", PAGES_SIZE - 4096);
	check_damage("pages-1.img: is 38797312 bytes long, but 38801408 were written; "
		     "the dump is truncated");
	set_length("pages-1.img", PAGES_SIZE + 4096);
	check_damage("pages-1.img: is 38805504 bytes long");
	set_length("pages-1.img", 0);
	check_damage("pages-1.img: is 0 bytes long");
}

static void wrong_length_small(void)
{
	make_dump();
	set_length("core-9.img", length_of("core-9.img") - 1);
	check_damage("core-9.img: is ");
	set_length("core-9.img", length_of("core-9.img") + 2);
	check_damage("core-9.img: is ");
}

static void empty_page_file(void)
{
	make_dump();
	put_file("pages-2.img", "x", 1, 0);
	check_damage("pages-2.img: is 1 bytes long, but 0 were written");
	CU_ASSERT_EQUAL(unlinkat(scratch, "pages-2.img", 0), 0);
	check_damage("pages-2.img: missing");
}

static void missing(void)
{
	make_dump();
	CU_ASSERT_EQUAL(unlinkat(scratch, "core-7.img", 0), 0);
	check_damage("core-7.img: missing; the dump is incomplete");
}

static void unlisted(void)
{
	make_dump();
	put_file("core-99.img", "?", 1, 0);
	check_damage("core-99.img: is not a part of this dump");
}

static void symlinked(void)
{
	make_dump();
	CU_ASSERT_EQUAL(renameat(scratch, "core-7.img", scratch, "moved"), 0);
	CU_ASSERT_EQUAL(symlinkat("moved", scratch, "core-7.img"), 0);
	check_damage("core-7.img: is a symbolic link");
}

static void damaged_list(void)
{
	make_dump();
	flip_byte("crl-sums.img", 30);
	check_damage("crl-sums.img: does not match its checksum");
	CU_ASSERT_EQUAL(unlinkat(scratch, "crl-sums.img", 0), 0);
	check_damage("crl-sums.img: missing");
}

/* Every single byte of the inventory, the length of its record included. */
static void damaged_inventory(void)
{
	off_t len;

	make_dump();
	len = length_of("inventory.img");
	for (off_t i = 0; i < len; i++) {
		flip_byte("inventory.img", i);
		CU_ASSERT(verify_dump(scratch, 1, &err) < 0);
		CU_ASSERT_PTR_EQUAL(strstr(err.text, "inventory.img"), err.text);
		flip_byte("inventory.img", i);
	}
	CHECK_OK(verify_dump(scratch, 1, &err));
	set_length("inventory.img", len - 1);
	check_damage("inventory.img: byte 8: ");
	set_length("inventory.img", len + 4);
	check_damage("inventory.img: ");
	CU_ASSERT_EQUAL(unlinkat(scratch, "inventory.img", 0), 0);
	CHECK_FAILS(verify_dump(scratch, 1, &err), ENOENT, "inventory.img: missing");
}

/* What another program has written has no checksums, and that is no error... */
static void other_writer(void)
{
	InventoryEntry inv = INVENTORY_ENTRY__INIT;
	struct image_writer w = { 0 };
	struct image_sum sum;

	inv.img_version = IMAGE_VERSION;
	CHECK_OK(image_writer_start(&w, IMAGE_INVENTORY, 0, &err));
	CHECK_OK(image_writer_record(&w, &inv.base, &err));
	CHECK_OK(image_writer_finish(&w, scratch, &sum, &err));
	image_writer_deinit(&w);
	put_file("pages-1.img", "?", 1, 0);
	CU_ASSERT_EQUAL(verify_dump(scratch, 1, &err), VERIFY_NO_SUMS);
	set_length("inventory.img", sum.size + 4);
	check_damage("inventory.img: should hold exactly one record");
	set_length("inventory.img", sum.size);
	/* ...unless there is a list that it should have known of. */
	put_file("crl-sums.img", "?", 1, 0);
	check_damage("does not mention crl-sums.img");
}

/* A newer crl may add fields that this one does not know: they are covered too. */
static void newer_fields(void)
{
	InventoryEntry inv = INVENTORY_ENTRY__INIT, *got = NULL;
	ProtobufCMessageUnknownField unknown = {
		.tag = 15,
		.wire_type = PROTOBUF_C_WIRE_TYPE_VARINT,
		.len = 1,
		.data = (uint8_t *)"\x2a",
	};

	inv.img_version = IMAGE_VERSION;
	inv.base.n_unknown_fields = 1;
	inv.base.unknown_fields = &unknown;
	CHECK_OK(inventory_write(&inv, scratch, 1234, "crl 99", &err));
	CHECK_OK(inventory_read(scratch, NULL, &got, &err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(got);
	CU_ASSERT_EQUAL(got->crl->sums_hash, 1234);
	CU_ASSERT_STRING_EQUAL(got->crl->writer, "crl 99");
	CU_ASSERT_EQUAL(got->base.n_unknown_fields, 1);
	inventory_entry__free_unpacked(got, NULL);
	flip_byte("inventory.img", length_of("inventory.img") - 1);
	CHECK_FAILS(inventory_read(scratch, NULL, &got, &err), EBADMSG, "does not match");
}

/* A list that says what no honest one does; its checksum is right. */
static int load_hostile(CrlSumsEntry *entries, size_t nr)
{
	struct image_writer w = { 0 };
	struct image_sum sum;
	struct sums *sums = NULL;
	int ret;

	unlinkat(scratch, "crl-sums.img", 0);
	CHECK_OK(image_writer_start(&w, IMAGE_CRL_SUMS, 0, &err));
	for (size_t i = 0; i < nr; i++)
		CHECK_OK(image_writer_record(&w, &entries[i].base, &err));
	CHECK_OK(image_writer_finish(&w, scratch, &sum, &err));
	image_writer_deinit(&w);
	ret = sums_load(scratch, sum.hash, &sums, &err);
	if (!ret)
		sums_free(sums);
	return ret;
}

static void hostile_list(void)
{
	static const char *names[] = { "", ".", "..", "../x", "/etc/passwd", "a/b",
		"a\nb", "a\x1b[2J" };
	CrlSumsEntry e[2] = { CRL_SUMS_ENTRY__INIT, CRL_SUMS_ENTRY__INIT };
	uint64_t hashes[3] = { 0 };

	e[0].has_hash = e[1].has_hash = true;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		e[0].name = (char *)names[i];
		CHECK_FAILS(load_hostile(e, 1), EBADMSG,
			"crl-sums.img: entry 0 has no usable name");
	}
	e[0].name = e[1].name = (char *)"core-1.img";
	CHECK_OK(load_hostile(e, 1));
	CHECK_FAILS(load_hostile(e, 2), EBADMSG,
		"entry 1 has no usable name or is out of order");
	e[0].has_hash = false;
	CHECK_FAILS(load_hostile(e, 1), EBADMSG, "has not the checksums");
	e[0].has_chunk_size = true;
	CHECK_FAILS(load_hostile(e, 1), EBADMSG, "has not the checksums");
	e[0].chunk_size = 1;
	e[0].size = UINT64_MAX;
	CHECK_FAILS(load_hostile(e, 1), EBADMSG, "has not the checksums");
	e[0].chunk_size = 4096;
	e[0].size = 8193;
	e[0].chunks = hashes;
	e[0].n_chunks = 2;
	CHECK_FAILS(load_hostile(e, 1), EBADMSG, "has not the checksums");
	e[0].n_chunks = 3;
	CHECK_OK(load_hostile(e, 1));
}

static void lookup(void)
{
	struct sums *sums = sums_new();
	const struct sums_entry *e;
	uint64_t hash;

	for (uint64_t i = 1; i <= 100; i++)
		add_image(sums, IMAGE_CORE, i);
	CHECK_OK(sums_write(sums, scratch, &hash, &err));
	CU_ASSERT_EQUAL(sums_count(sums), 100);
	for (size_t i = 1; i < 100; i++)
		CU_ASSERT(strcmp(sums_entry(sums, i - 1)->name,
				  sums_entry(sums, i)->name) < 0);
	CU_ASSERT_PTR_NULL(sums_find(sums, "core-101.img"));
	e = sums_find(sums, "core-42.img");
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CHECK_FAILS(
		sums_check(e, "abc", 3, &err), EBADMSG, "core-42.img: is 3 bytes long");
	sums_free(sums);
	CHECK_FAILS(sums_load(scratch, hash + 1, &sums, &err), EBADMSG, "does not match");
	CHECK_OK(sums_load(scratch, hash, &sums, &err));
	CU_ASSERT_EQUAL(sums_count(sums), 100);
	sums_free(sums);
}

static void *adder(void *arg)
{
	struct sums *sums = arg;
	struct image_sum sum = { .size = 1, .hash = 2 };
	struct err mine;
	char name[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "%lx-%d", (unsigned long)pthread_self(), i);
		if (sums_add(sums, name, &sum, &mine))
			return &errno;
	}
	return NULL;
}

static void many_threads(void)
{
	struct sums *sums = sums_new();
	pthread_t threads[4];
	void *result;
	uint64_t hash;

	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, adder, sums), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		CU_ASSERT_PTR_NULL(result);
	}
	CU_ASSERT_EQUAL(sums_count(sums), 8000);
	CHECK_OK(sums_write(sums, scratch, &hash, &err));
	for (size_t i = 1; i < sums_count(sums); i++)
		CU_ASSERT(strcmp(sums_entry(sums, i - 1)->name,
				  sums_entry(sums, i)->name) < 0);
	sums_free(sums);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a whole dump passes", whole },
		{ "one bit of a small image", flipped_image },
		{ "one bit of a page file, and the first of several", flipped_pages },
		{ "two chunks in each other's place", swapped_chunks },
		{ "page file truncated or grown", wrong_length },
		{ "small image truncated or grown", wrong_length_small },
		{ "page file without pages", empty_page_file },
		{ "missing file", missing },
		{ "image that is not listed", unlisted },
		{ "symbolic link in place of an image", symlinked },
		{ "damaged or missing list", damaged_list },
		{ "every byte of the inventory", damaged_inventory },
		{ "dump of another program", other_writer },
		{ "fields of a newer version", newer_fields },
		{ "hostile list", hostile_list },
		{ "looking up", lookup },
		{ "adding from several threads", many_threads },
	};

	return RUN_TESTS("sums", tests);
}
