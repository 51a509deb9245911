// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl show DIR IMAGE: every record of an image, with the number of raw bytes
 * behind it. Images that hold nothing but raw bytes are shown by their size.
 */
#include <errno.h>
#include <fcntl.h>
#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/json.h"
#include "cmd/show.h"
#include "crl/err.h"
#include "image/schema.h"
#include "snapshot/look.h"

/* A user may leave ".img" away. */
static int find_kind(
	const char *name, char full[IMAGE_NAME_SIZE], uint64_t *number, struct err *err)
{
	int kind = image_name_parse(name, number);

	snprintf(full, IMAGE_NAME_SIZE, "%s", name);
	if (kind < 0) {
		snprintf(full, IMAGE_NAME_SIZE, "%s.img", name);
		kind = image_name_parse(full, number);
	}
	if (kind < 0)
		return err_set(
			err, EINVAL, "%s: neither a pid nor the name of an image", name);
	return kind;
}

/* The inventory and the list of checksums are not in the list; they were checked before.
 */
static int load(struct look *l, struct image_reader *rd, enum image_kind kind,
	uint64_t number, struct err *err)
{
	struct sums *sums = l->snap.sums;
	int ret;

	if (kind == IMAGE_INVENTORY || kind == IMAGE_CRL_SUMS ||
		kind == IMAGE_STATS_RESTORE)
		l->snap.sums = NULL;
	ret = look_image(l, rd, kind, number, err);
	l->snap.sums = sums;
	return ret;
}

static int show_payload(
	struct image_reader *rd, uint64_t len, struct json *j, struct err *err)
{
	const void *data;
	int ret;

	if (len == SCHEMA_REST)
		len = image_reader_rest(rd);
	ret = image_reader_bytes(rd, len, &data, err);
	if (!ret && j)
		json_unsigned(j, "payload", len);
	else if (!ret && len)
		printf("  (%llu raw bytes follow)\n", (unsigned long long)len);
	return ret;
}

static int show_record(struct look *l, struct image_reader *rd, struct schema *s,
	unsigned nth, struct json *j, struct err *err)
{
	const ProtobufCMessageDescriptor *type = schema_next(s);
	ProtobufCMessage *msg;
	int ret = image_reader_next(rd, type, &l->snap.scratch.pb, &msg, err);

	if (ret <= 0)
		return ret;
	if (j) {
		json_object(j, NULL);
		json_text(j, "type", type->name);
		json_object(j, "fields");
	} else {
		printf("%u %s\n", nth, type->name);
	}
	show_message(msg, 1, j);
	if (j)
		json_object_end(j);
	ret = show_payload(rd, schema_payload(s, msg), j, err);
	if (j)
		json_object_end(j);
	look_forget(l);
	return ret ? ret : IMAGE_RECORD;
}

static int show_records(
	struct look *l, struct image_reader *rd, struct json *j, struct err *err)
{
	struct schema s;
	unsigned nth = 0;
	int ret;

	schema_start(&s, rd->kind);
	if (j)
		json_array(j, "records", false);
	while ((ret = show_record(l, rd, &s, nth++, j, err)) > 0)
		;
	if (j)
		json_array_end(j);
	return ret;
}

static void show_head(
	const char *name, const char *kind, uint64_t size, bool raw, struct json *j)
{
	if (!j) {
		printf("%s: %s, %llu bytes%s\n", name, kind, (unsigned long long)size,
			raw ? " without records" : "");
		return;
	}
	json_object(j, NULL);
	json_text(j, "image", name);
	json_text(j, "kind", kind);
	json_unsigned(j, "size", size);
	json_bool(j, "raw", raw);
}

static int show_raw(struct look *l, const char *name, const char *kind, struct json *j,
	struct err *err)
{
	struct stat st;

	if (fstatat(l->snap.dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return err_os(err, errno, "%s", name);
	show_head(name, kind, st.st_size, true, j);
	if (j)
		json_object_end(j);
	return 0;
}

int show_image(struct look *l, const char *name, struct json *j, struct err *err)
{
	struct image_reader rd = { 0 };
	char full[IMAGE_NAME_SIZE];
	uint64_t number;
	int kind = find_kind(name, full, &number, err), ret;
	struct schema s;

	if (kind < 0)
		return kind;
	schema_start(&s, kind);
	if (!s.row)
		return show_raw(l, full, image_kind_info(kind)->name, j, err);
	ret = load(l, &rd, kind, number, err);
	if (ret == IMAGE_NOT_THERE)
		ret = err_set(err, ENOENT, "%s: not in this dump", full);
	if (!ret) {
		show_head(full, image_kind_info(kind)->name, rd.size, false, j);
		ret = show_records(l, &rd, j, err);
		if (j)
			json_object_end(j);
	}
	image_reader_deinit(&rd);
	return ret;
}
