// SPDX-License-Identifier: GPL-2.0-only
/* Framing of image files: bytes as other programs write them, and hostile ones. */
#include <errno.h>
#include <stdbool.h>

#include "image/scratch.h"

#include "image/frame.h"
#include "image/hash.h"
#include "proto/cgroup.pb-c.h"
#include "proto/pipe-data.pb-c.h"
#include "proto/pstree.pb-c.h"
#include "proto/seccomp.pb-c.h"

/* A pstree image with the one task 8884, as CRIU 4.2 writes it. */
static const uint8_t pstree_image[] = {
	0x19,
	0x43,
	0x56,
	0x54,
	0x30,
	0x30,
	0x27,
	0x50, /* magic numbers */
	0x0e,
	0x00,
	0x00,
	0x00, /* 14 bytes follow */
	0x08,
	0xb4,
	0x45,
	0x10,
	0x00,
	0x18,
	0xb4,
	0x45,
	0x20,
	0xb4,
	0x45,
	0x28,
	0xb4,
	0x45,
};

#define RECORD_AT 8 /* where the first record starts */

static void put_task(struct image_writer *w, uint32_t pid)
{
	PstreeEntry e = PSTREE_ENTRY__INIT;

	e.pid = e.pgid = e.sid = pid;
	e.n_threads = 1;
	e.threads = &e.pid;
	CHECK_OK(image_writer_record(w, &e.base, &err));
}

/* Copies the bytes to a block of exactly their size: reading beyond it is caught. */
static int set_exactly(struct image_reader *r, enum image_kind kind, uint32_t version,
	const void *data, size_t len)
{
	free(r->buf);
	r->buf = malloc(len ? len : 1);
	memcpy(r->buf, data, len);
	return image_reader_set(r, kind, 0, version, r->buf, len, &err);
}

static int next_task(struct image_reader *r, PstreeEntry **e)
{
	return image_reader_next(
		r, &pstree_entry__descriptor, NULL, (ProtobufCMessage **)e, &err);
}

static void names(void)
{
	char name[IMAGE_NAME_SIZE];
	uint64_t number;

	image_name(name, IMAGE_CORE, 4711);
	CU_ASSERT_STRING_EQUAL(name, "core-4711.img");
	image_name(name, IMAGE_GHOST_FILE, 255);
	CU_ASSERT_STRING_EQUAL(name, "ghost-file-ff.img");
	image_name(name, IMAGE_TMPFS_DEV, 46);
	CU_ASSERT_STRING_EQUAL(name, "tmpfs-dev-46.tar.gz.img");
	image_name(name, IMAGE_STATS_DUMP, 3);
	CU_ASSERT_STRING_EQUAL(name, "stats-dump");
	image_name(name, IMAGE_INVENTORY, 3);
	CU_ASSERT_STRING_EQUAL(name, "inventory.img");
	CU_ASSERT_EQUAL(image_name_parse("pagemap-shmem-29721.img", &number),
		IMAGE_PAGEMAP_SHMEM);
	CU_ASSERT_EQUAL(number, 29721);
	CU_ASSERT_EQUAL(image_name_parse("core-+1.img", &number), -1);
	CU_ASSERT_EQUAL(image_name_parse("core-01.img", &number), -1);
	CU_ASSERT_EQUAL(image_name_parse("core-1.img.old", &number), -1);
	CU_ASSERT_EQUAL(image_name_parse("core.img", &number), -1);
	CU_ASSERT_EQUAL(image_name_parse("", &number), -1);
}

static void names_both_ways(void)
{
	char name[IMAGE_NAME_SIZE];
	uint64_t number;

	for (int kind = 0; kind < IMAGE_NR_KINDS; kind++) {
		const struct image_kind_info *info = image_kind_info(kind);
		uint64_t n = info->flags & IMAGE_ONE ? 0 : UINT64_MAX;

		CU_ASSERT_PTR_NOT_NULL_FATAL(info->name);
		CU_ASSERT_EQUAL(info->magic == 0, (info->flags & IMAGE_RAW) != 0);
		image_name(name, kind, n);
		CU_ASSERT_EQUAL(image_name_parse(name, &number), kind);
		CU_ASSERT_EQUAL(number, n);
	}
}

static void known_bytes(void)
{
	struct image_writer w = { 0 };
	struct image_sum sum;

	CHECK_OK(image_writer_start(&w, IMAGE_PSTREE, 0, &err));
	put_task(&w, 8884);
	CU_ASSERT_EQUAL_FATAL(w.size, sizeof(pstree_image));
	CU_ASSERT(!memcmp(w.data, pstree_image, sizeof(pstree_image)));
	CHECK_OK(image_writer_finish(&w, scratch, &sum, &err));
	CU_ASSERT_EQUAL(sum.size, sizeof(pstree_image));
	CU_ASSERT_EQUAL(sum.hash, image_hash(pstree_image, sizeof(pstree_image)));
	CU_ASSERT_EQUAL(length_of("pstree.img"), sizeof(pstree_image));
	/* The test vector of XXH3 for no bytes: the seed is 0. */
	CU_ASSERT_EQUAL(image_hash("", 0), 0x2d06800538d394c2);
	image_writer_deinit(&w);
}

static void there_and_back(void)
{
	struct image_writer w = { 0 };
	struct image_reader r = { 0 };
	struct image_sum sum;
	PstreeEntry *e;
	uint32_t pid = 1;

	CHECK_OK(image_writer_start(&w, IMAGE_PSTREE, 0, &err));
	for (uint32_t i = 1; i <= 1000; i++)
		put_task(&w, i);
	CHECK_OK(image_writer_finish(&w, scratch, &sum, &err));
	CHECK_OK(image_reader_load(&r, scratch, IMAGE_PSTREE, 0, IMAGE_VERSION, &err));
	while (next_task(&r, &e) == IMAGE_RECORD) {
		CU_ASSERT_EQUAL(e->pid, pid);
		pid++;
		pstree_entry__free_unpacked(e, NULL);
	}
	CU_ASSERT_EQUAL(pid, 1001);
	CU_ASSERT_EQUAL(next_task(&r, &e), IMAGE_END);
	image_writer_deinit(&w);
	image_reader_deinit(&r);
}

static void payload(void)
{
	struct image_writer w = { 0 };
	struct image_reader r = { 0 };
	PipeDataEntry e = PIPE_DATA_ENTRY__INIT, *got;
	struct image_sum sum;
	const void *data;

	CHECK_OK(image_writer_start(&w, IMAGE_PIPES_DATA, 0, &err));
	for (uint32_t i = 0; i < 3; i++) {
		e.pipe_id = i;
		e.bytes = i * 5;
		CHECK_OK(image_writer_record(&w, &e.base, &err));
		CHECK_OK(image_writer_bytes(&w, "abcdefghij", e.bytes, &err));
	}
	CHECK_OK(image_writer_finish(&w, scratch, &sum, &err));
	CHECK_OK(
		image_reader_load(&r, scratch, IMAGE_PIPES_DATA, 0, IMAGE_VERSION, &err));
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL_FATAL(image_reader_next(&r, &pipe_data_entry__descriptor,
					      NULL, (ProtobufCMessage **)&got, &err),
			IMAGE_RECORD);
		CU_ASSERT_EQUAL(got->bytes, i * 5);
		CHECK_OK(image_reader_bytes(&r, got->bytes, &data, &err));
		CU_ASSERT(!memcmp(data, "abcdefghij", got->bytes));
		pipe_data_entry__free_unpacked(got, NULL);
	}
	CU_ASSERT_EQUAL(image_reader_rest(&r), 0);
	CHECK_FAILS(
		image_reader_bytes(&r, 1, &data, &err), EBADMSG, "pipes-data.img: byte ");
	CHECK_FAILS(image_reader_bytes(&r, SIZE_MAX, &data, &err), EBADMSG, "0 are left");
	image_writer_deinit(&w);
	image_reader_deinit(&r);
}

static void empty(void)
{
	struct image_writer w = { 0 };
	struct image_reader r = { 0 };
	struct image_sum sum;
	SeccompEntry none = SECCOMP_ENTRY__INIT, *got;

	CHECK_OK(image_writer_start(&w, IMAGE_SECCOMP, 0, &err));
	CU_ASSERT_EQUAL(image_writer_finish(&w, scratch, &sum, &err), IMAGE_NOT_MADE);
	CU_ASSERT_FALSE(there("seccomp.img"));
	CU_ASSERT_EQUAL(
		image_reader_load(&r, scratch, IMAGE_SECCOMP, 0, IMAGE_VERSION, &err),
		IMAGE_NOT_THERE);
	CU_ASSERT_EQUAL(image_reader_rest(&r), 0);
	/* A message of no bytes is a record. */
	CHECK_OK(image_writer_record(&w, &none.base, &err));
	CHECK_OK(image_writer_finish(&w, scratch, &sum, &err));
	CU_ASSERT_EQUAL(length_of("seccomp.img"), 12);
	CHECK_OK(image_reader_load(&r, scratch, IMAGE_SECCOMP, 0, IMAGE_VERSION, &err));
	CU_ASSERT_EQUAL_FATAL(image_reader_next(&r, &seccomp_entry__descriptor, NULL,
				      (ProtobufCMessage **)&got, &err),
		IMAGE_RECORD);
	CU_ASSERT_EQUAL(got->n_seccomp_filters, 0);
	seccomp_entry__free_unpacked(got, NULL);
	image_writer_deinit(&w);
	image_reader_deinit(&r);
}

static void prologues(void)
{
	struct image_writer w = { 0 };
	struct image_reader r = { 0 };

	CHECK_OK(image_writer_start(&w, IMAGE_INVENTORY, 0, &err));
	CU_ASSERT_EQUAL(w.size, 4);
	CU_ASSERT(!memcmp(w.data, "\x16\x31\x31\x58", 4));
	CHECK_OK(image_writer_start(&w, IMAGE_STATS_DUMP, 0, &err));
	CU_ASSERT(!memcmp(w.data, "\x40\x59\x10\x55\x06\x33\x09\x57", 8));
	CHECK_OK(image_writer_start(&w, IMAGE_PAGES, 1, &err));
	CU_ASSERT_EQUAL(w.size, 0);
	/* Version 1: the kind's own magic number only. */
	CHECK_OK(set_exactly(
		&r, IMAGE_PSTREE, 1, pstree_image + 4, sizeof(pstree_image) - 4));
	CHECK_FAILS(set_exactly(&r, IMAGE_PSTREE, 1, pstree_image, sizeof(pstree_image)),
		EBADMSG, "byte 0");
	CHECK_FAILS(set_exactly(&r, IMAGE_PSTREE, 3, pstree_image, sizeof(pstree_image)),
		ENOTSUP, "version 3");
	image_writer_deinit(&w);
	image_reader_deinit(&r);
}

static void wrong_magic(void)
{
	struct image_reader r = { 0 };

	CHECK_FAILS(set_exactly(&r, IMAGE_FILES, IMAGE_VERSION, pstree_image,
			    sizeof(pstree_image)),
		EBADMSG, "files.img: byte 4: the magic number is 0x50273030");
	CHECK_FAILS(set_exactly(&r, IMAGE_PSTREE, IMAGE_VERSION, pstree_image + 4, 12),
		EBADMSG, "pstree.img: byte 0");
	for (size_t len = 0; len < RECORD_AT; len++)
		CHECK_FAILS(
			set_exactly(&r, IMAGE_PSTREE, IMAGE_VERSION, pstree_image, len),
			EBADMSG, "truncated");
	image_reader_deinit(&r);
}

static void truncated(void)
{
	struct image_reader r = { 0 };
	PstreeEntry *e;

	for (size_t len = RECORD_AT + 1; len < sizeof(pstree_image); len++) {
		CHECK_OK(set_exactly(&r, IMAGE_PSTREE, IMAGE_VERSION, pstree_image, len));
		CHECK_FAILS(next_task(&r, &e), EBADMSG, "pstree.img: byte ");
	}
	CHECK_OK(set_exactly(&r, IMAGE_PSTREE, IMAGE_VERSION, pstree_image, 20));
	CHECK_FAILS(next_task(&r, &e), EBADMSG,
		"byte 12: 14 bytes should follow, 8 are left");
	image_reader_deinit(&r);
}

static void huge_sizes(void)
{
	static const uint32_t sizes[] = { 15, 0x7fffffff, 0x80000000, 0xfffffff0,
		0xffffffff };
	struct image_reader r = { 0 };
	uint8_t image[sizeof(pstree_image)];
	PstreeEntry *e;

	memcpy(image, pstree_image, sizeof(image));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		memcpy(image + RECORD_AT, &sizes[i], 4);
		CHECK_OK(set_exactly(
			&r, IMAGE_PSTREE, IMAGE_VERSION, image, sizeof(image)));
		CHECK_FAILS(next_task(&r, &e), EBADMSG, "14 are left");
	}
	image_reader_deinit(&r);
}

static void bad_messages(void)
{
	struct image_reader r = { 0 };
	uint8_t image[sizeof(pstree_image)];
	PstreeEntry *e;

	memcpy(image, pstree_image, sizeof(image));
	memset(image + RECORD_AT + 4, 0xff, 14); /* no tag is that long */
	CHECK_OK(set_exactly(&r, IMAGE_PSTREE, IMAGE_VERSION, image, sizeof(image)));
	CHECK_FAILS(next_task(&r, &e), EBADMSG,
		"byte 8: the record is no valid pstree_entry");
	/* A record of no bytes lacks the required fields. */
	memset(image + RECORD_AT, 0, 4);
	CHECK_OK(set_exactly(&r, IMAGE_PSTREE, IMAGE_VERSION, image, RECORD_AT + 4));
	CHECK_FAILS(next_task(&r, &e), EBADMSG, "no valid pstree_entry");
	image_reader_deinit(&r);
}

/* The head of a field 2 that holds a message of len bytes, always six bytes long. */
static uint8_t *put_head(uint8_t *p, uint32_t len)
{
	*p++ = 2 << 3 | 2;
	for (int i = 0; i < 4; i++, len >>= 7)
		*p++ = len | 0x80;
	*p++ = len;
	return p;
}

/* A cgroup image with a directory in a directory in a directory... */
static int read_nested(uint32_t depth)
{
	const uint32_t dirs = 9 * depth - 6, record = dirs + 2 * 6;
	uint32_t head[] = { IMAGE_COMMON_MAGIC, image_kind_info(IMAGE_CGROUP)->magic,
		record };
	uint8_t *image = malloc(sizeof(head) + record), *p = image + sizeof(head);
	struct image_reader r = { 0 };
	ProtobufCMessage *msg;
	int ret;

	memcpy(image, head, sizeof(head));
	p = put_head(p, dirs + 6); /* a controller */
	p = put_head(p, dirs);
	for (uint32_t i = depth; i-- > 0;) {
		memcpy(p, "\x0a\x01x", 3); /* the name */
		p += 3;
		if (i)
			p = put_head(p, 9 * i - 6);
	}
	CU_ASSERT_EQUAL(p - image, sizeof(head) + record);
	CHECK_OK(set_exactly(&r, IMAGE_CGROUP, IMAGE_VERSION, image, p - image));
	ret = image_reader_next(&r, &cgroup_entry__descriptor, NULL, &msg, &err);
	if (ret == IMAGE_RECORD)
		protobuf_c_message_free_unpacked(msg, NULL);
	image_reader_deinit(&r);
	free(image);
	return ret;
}

static void nested(void)
{
	CU_ASSERT_EQUAL(read_nested(1), IMAGE_RECORD);
	CU_ASSERT_EQUAL(read_nested(100), IMAGE_RECORD);
	CHECK_FAILS(read_nested(1000000), EBADMSG,
		"cgroup.img: byte 8: cgroup_entry is nested");
}

static void not_a_file(void)
{
	struct image_reader r = { 0 };

	put_file("elsewhere", pstree_image, sizeof(pstree_image), 0);
	CU_ASSERT_EQUAL(symlinkat("elsewhere", scratch, "pstree.img"), 0);
	CHECK_FAILS(image_reader_load(&r, scratch, IMAGE_PSTREE, 0, IMAGE_VERSION, &err),
		EBADMSG, "pstree.img: is a symbolic link");
	CU_ASSERT_EQUAL(mkfifoat(scratch, "files.img", 0600), 0);
	CHECK_FAILS(image_reader_load(&r, scratch, IMAGE_FILES, 0, IMAGE_VERSION, &err),
		EBADMSG, "files.img: is not a regular file");
	CU_ASSERT_EQUAL(mkdirat(scratch, "mm-1.img", 0700), 0);
	CHECK_FAILS(image_reader_load(&r, scratch, IMAGE_MM, 1, IMAGE_VERSION, &err),
		EBADMSG, "mm-1.img: is not a regular file");
	image_reader_deinit(&r);
}

static void too_large(void)
{
	struct image_reader r = { 0 };

	put_file("core-1.img", "", 0, 0);
	set_length("core-1.img", IMAGE_SIZE_MAX + 1);
	CHECK_FAILS(image_reader_load(&r, scratch, IMAGE_CORE, 1, IMAGE_VERSION, &err),
		EFBIG, "core-1.img: 1073741825 bytes");
	image_reader_deinit(&r);
}

static void never_replaces(void)
{
	struct image_writer w = { 0 };
	struct image_sum sum;

	put_file("victim", "precious", 8, 0);
	CU_ASSERT_EQUAL(symlinkat("victim", scratch, "pstree.img"), 0);
	CHECK_OK(image_writer_start(&w, IMAGE_PSTREE, 0, &err));
	put_task(&w, 1);
	CHECK_FAILS(image_writer_finish(&w, scratch, &sum, &err), EEXIST,
		"pstree.img: create");
	CU_ASSERT_EQUAL(length_of("victim"), 8);
	image_writer_deinit(&w);
}

/* The reader keeps its buffer: a long file before a short one leaves nothing behind. */
static void reused(void)
{
	struct image_reader r = { 0 };
	PstreeEntry *e;

	put_file("core-1.img", pstree_image, sizeof(pstree_image), 0);
	set_length("core-1.img", 100000);
	put_file("pstree.img", pstree_image, sizeof(pstree_image), 0);
	CHECK_FAILS(image_reader_load(&r, scratch, IMAGE_CORE, 1, IMAGE_VERSION, &err),
		EBADMSG, "core-1.img: byte 4");
	CHECK_OK(image_reader_load(&r, scratch, IMAGE_PSTREE, 0, IMAGE_VERSION, &err));
	CU_ASSERT_EQUAL_FATAL(next_task(&r, &e), IMAGE_RECORD);
	pstree_entry__free_unpacked(e, NULL);
	CU_ASSERT_EQUAL(next_task(&r, &e), IMAGE_END);
	image_reader_deinit(&r);
}

int main(void)
{
	static const struct test tests[] = {
		{ "file names", names },
		{ "every name parses back to its kind", names_both_ways },
		{ "bytes as CRIU writes them", known_bytes },
		{ "a thousand records there and back", there_and_back },
		{ "raw payload after records", payload },
		{ "nothing makes no file, an empty message does", empty },
		{ "prologues of all classes and versions", prologues },
		{ "wrong or short magic numbers", wrong_magic },
		{ "truncation at every byte of a record", truncated },
		{ "record sizes beyond the end", huge_sizes },
		{ "records that are no messages", bad_messages },
		{ "messages nested too deeply", nested },
		{ "symbolic link, fifo, directory as image", not_a_file },
		{ "file over the size limit", too_large },
		{ "writing replaces and follows nothing", never_replaces },
		{ "reader used for a second file", reused },
	};

	return RUN_TESTS("frame", tests);
}
