// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing of image files: see frame.h.
 *
 * A dump of a thousand processes makes some eight thousand small files while
 * the tree stands still. A file therefore costs three system calls (openat,
 * write, close), and its checksum is taken from the buffer, not from the file.
 *
 * What is read may come from anybody. Lengths are compared with what is left
 * before they are used, and messages that can contain themselves are measured
 * before the library unpacks them, since it recurses without a limit.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <protobuf-c/protobuf-c.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "image/frame.h"
#include "image/hash.h"
#include "image/wire.h"

#define DEPTH_MAX 128 /* of nested messages: directories in directories */

static int reserve(struct image_writer *w, size_t len, struct err *err)
{
	size_t room = w->room ? w->room : 4096;
	uint8_t *data;

	if (len > IMAGE_SIZE_MAX - w->size)
		return err_set(err, EFBIG, "%s: would grow over %llu bytes", w->name,
			IMAGE_SIZE_MAX);
	if (w->size + len <= w->room)
		return 0;
	while (room < w->size + len)
		room *= 2;
	data = realloc(w->data, room);
	if (!data)
		return err_os(err, ENOMEM, "%s: image of %zu bytes", w->name, room);
	w->data = data;
	w->room = room;
	return 0;
}

static void put(struct image_writer *w, const void *data, size_t len)
{
	if (len)
		memcpy(w->data + w->size, data, len);
	w->size += len;
}

/* The magic numbers that open a file; returns how many. */
static unsigned int prologue(enum image_kind kind, uint32_t version, uint32_t magic[2])
{
	const struct image_kind_info *info = image_kind_info(kind);
	unsigned int nr = 0;

	if (info->flags & IMAGE_RAW)
		return 0;
	if (info->flags & IMAGE_SERVICE)
		magic[nr++] = IMAGE_SERVICE_MAGIC;
	else if (!(info->flags & IMAGE_BARE) && version != 1)
		magic[nr++] = IMAGE_COMMON_MAGIC;
	magic[nr++] = info->magic;
	return nr;
}

int image_writer_start(
	struct image_writer *w, enum image_kind kind, uint64_t number, struct err *err)
{
	uint32_t magic[2];
	int ret;

	image_name(w->name, kind, number);
	w->size = 0;
	w->prologue = prologue(kind, IMAGE_VERSION, magic) * sizeof(*magic);
	ret = reserve(w, w->prologue, err);
	if (!ret)
		put(w, magic, w->prologue);
	return ret;
}

int image_writer_record(
	struct image_writer *w, const ProtobufCMessage *msg, struct err *err)
{
	size_t len = protobuf_c_message_get_packed_size(msg);

	int ret = reserve(w, sizeof(uint32_t) + len, err);

	if (ret)
		return ret;
	put(w, &(uint32_t){ len }, sizeof(uint32_t));
	w->size += protobuf_c_message_pack(msg, w->data + w->size);
	return 0;
}

int image_writer_bytes(
	struct image_writer *w, const void *data, size_t len, struct err *err)
{
	int ret = reserve(w, len, err);

	if (!ret)
		put(w, data, len);
	return ret;
}

int image_writer_finish(
	struct image_writer *w, int dirfd, struct image_sum *sum, struct err *err)
{
	auto_fd int fd = -1;
	size_t done = 0;

	if (w->size == w->prologue)
		return IMAGE_NOT_MADE;
	fd = openat(dirfd, w->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		0600);
	if (FAULT(IMAGE_CREATE) || fd < 0)
		return err_os(err, errno, "%s: create", w->name);
	while (done < w->size) {
		ssize_t n = FAULT(IMAGE_WRITE)
				    ? -1
				    : write(fd, w->data + done, w->size - done);

		if (n < 0 && errno != EINTR)
			return err_os(err, errno, "%s: write", w->name);
		done += n > 0 ? n : 0;
	}
	sum->size = w->size;
	sum->hash = image_hash(w->data, w->size);
	return 0;
}

void image_writer_deinit(struct image_writer *w)
{
	free(w->data);
	*w = (struct image_writer){ 0 };
}

static int check_prologue(struct image_reader *r, uint32_t version, struct err *err)
{
	uint32_t magic[2] = { 0 }, found;
	unsigned int nr;

	if (r->kind == IMAGE_INVENTORY)
		version = IMAGE_VERSION;
	if (version != 1 && version != IMAGE_VERSION)
		return err_set(err, ENOTSUP,
			"%s: images of version %u are not known; use the program that "
			"made the dump",
			r->name, version);
	nr = prologue(r->kind, version, magic);
	for (unsigned int i = 0; i < nr; i++) {
		if (image_reader_rest(r) < sizeof(found))
			return err_set(err, EBADMSG,
				"%s: only %zu bytes long; it is truncated, use another "
				"copy of the dump",
				r->name, r->size);
		memcpy(&found, r->data + r->pos, sizeof(found));
		if (found != magic[i])
			return err_set(err, EBADMSG,
				"%s: byte %zu: the magic number is 0x%08x and should be "
				"0x%08x; this is no %s image, or a damaged one: use "
				"another copy of the dump",
				r->name, r->pos, found, magic[i],
				image_kind_info(r->kind)->name);
		r->pos += sizeof(found);
	}
	return 0;
}

int image_reader_set(struct image_reader *r, enum image_kind kind, uint64_t number,
	uint32_t version, const void *data, size_t size, struct err *err)
{
	image_name(r->name, kind, number);
	r->kind = kind;
	r->data = data;
	r->size = size;
	r->pos = 0;
	return check_prologue(r, version, err);
}

static int make_room(struct image_reader *r, size_t room, struct err *err)
{
	if (r->room >= room)
		return 0;
	free(r->buf);
	r->room = 0;
	r->buf = malloc(room);
	if (!r->buf)
		return err_os(err, ENOMEM, "%s: image of %zu bytes", r->name, room);
	r->room = room;
	return 0;
}

/* A byte more than the size is asked for: a file that has grown shows itself. */
static int read_all(struct image_reader *r, int fd, size_t size, struct err *err)
{
	size_t got = 0;
	int ret = make_room(r, size + 1, err);

	if (ret)
		return ret;
	do {
		ssize_t n =
			FAULT(LOAD_READ) ? -1 : read(fd, r->buf + got, size + 1 - got);

		if (n < 0)
			return err_os(err, errno, "%s: read", r->name);
		if (n == 0)
			break;
		got += n;
	} while (got < size);
	if (got != size)
		return err_set(
			err, EBADMSG, "%s: changed its size while it was read", r->name);
	return 0;
}

static int open_image(struct image_reader *r, int dirfd, size_t *size, struct err *err)
{
	struct stat st;
	auto_fd int fd = openat(dirfd, r->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ELOOP)
		return err_set(err, EBADMSG, "%s: is a symbolic link", r->name);
	if (FAULT(LOAD_OPEN) || fd < 0 || fstat(fd, &st))
		return err_os(err, errno, "%s: open", r->name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EBADMSG, "%s: is not a regular file", r->name);
	if ((uint64_t)st.st_size > IMAGE_SIZE_MAX)
		return err_set(err, EFBIG, "%s: %lld bytes are too many for this image",
			r->name, (long long)st.st_size);
	*size = st.st_size;
	return fd_steal(&fd);
}

int image_reader_load(struct image_reader *r, int dirfd, enum image_kind kind,
	uint64_t number, uint32_t version, struct err *err)
{
	size_t size = 0;
	auto_fd int fd = -1;
	int ret;

	image_name(r->name, kind, number);
	r->data = NULL;
	r->size = r->pos = 0;
	fd = open_image(r, dirfd, &size, err);
	if (fd == -ENOENT)
		return IMAGE_NOT_THERE;
	if (fd < 0)
		return fd;
	ret = read_all(r, fd, size, err);
	return ret ? ret : image_reader_set(r, kind, number, version, r->buf, size, err);
}

int image_reader_bytes(
	struct image_reader *r, size_t len, const void **data, struct err *err)
{
	if (len > image_reader_rest(r))
		return err_set(err, EBADMSG,
			"%s: byte %zu: %zu bytes should follow, %zu are left; the image "
			"is truncated or damaged, use another copy of the dump",
			r->name, r->pos, len, image_reader_rest(r));
	*data = r->data + r->pos;
	r->pos += len;
	return 0;
}

int image_reader_next(struct image_reader *r, const ProtobufCMessageDescriptor *type,
	ProtobufCAllocator *alloc, ProtobufCMessage **msg, struct err *err)
{
	size_t start = r->pos;
	const void *data = NULL;
	uint32_t len = 0;
	int ret;

	if (!image_reader_rest(r))
		return IMAGE_END;
	ret = image_reader_bytes(r, sizeof(len), &data, err);
	if (ret)
		return ret;
	memcpy(&len, data, sizeof(len));
	ret = image_reader_bytes(r, len, &data, err);
	if (ret)
		return ret;
	if (image_kind_info(r->kind)->flags & IMAGE_NESTED &&
		!wire_shallow(type, data, len, DEPTH_MAX))
		return err_set(err, EBADMSG, "%s: byte %zu: %s is nested too deeply",
			r->name, start, type->name);
	*msg = protobuf_c_message_unpack(type, alloc, len, data);
	if (!*msg)
		return err_set(err, EBADMSG,
			"%s: byte %zu: the record is no valid %s; the image is damaged, "
			"use another copy of the dump",
			r->name, start, type->name);
	return IMAGE_RECORD;
}

void image_reader_deinit(struct image_reader *r)
{
	free(r->buf);
	*r = (struct image_reader){ 0 };
}
