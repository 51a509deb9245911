// SPDX-License-Identifier: GPL-2.0-only
/* The files of a dump in one buffer: see archive.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"

#define PAGE_FILE_MAX (1ull << 40) /* what a tmpfs takes without a word */

static bool take(const uint8_t **data, size_t *size, void *out, size_t n)
{
	if (*size < n)
		return false;
	memcpy(out, *data, n);
	*data += n;
	*size -= n;
	return true;
}

static bool take_file(const uint8_t **data, size_t *size, struct archive_file *f)
{
	uint8_t len;

	memset(f->name, 0, sizeof(f->name));
	if (!take(data, size, &len, 1) || len >= sizeof(f->name) ||
		!take(data, size, f->name, len) || !take(data, size, &f->size, 4))
		return false;
	f->data = *data;
	if (f->size > *size)
		f->size = *size;
	*data += f->size;
	*size -= f->size;
	return true;
}

void archive_parse(struct archive *a, const uint8_t *data, size_t size)
{
	a->files = 0;
	while (a->files < ARCHIVE_FILES_MAX) {
		struct archive_file *f = &a->file[a->files];
		int kind;

		if (!take_file(&data, &size, f))
			return;
		kind = image_name_parse(f->name, &f->number);
		if (kind < 0)
			continue;
		f->kind = kind;
		a->files++;
	}
}

size_t archive_pack(const struct archive *a, uint8_t *out, size_t room)
{
	size_t at = 0;

	for (size_t i = 0; i < a->files; i++) {
		const struct archive_file *f = &a->file[i];
		uint8_t len = strlen(f->name);

		if (room - at < 1u + len + 4 || room - at - 1 - len - 4 < f->size)
			return 0;
		out[at++] = len;
		memcpy(out + at, f->name, len);
		memcpy(out + at + len, &f->size, 4);
		if (f->size)
			memcpy(out + at + len + 4, f->data, f->size);
		at += len + 4 + f->size;
	}
	return at;
}

uint64_t archive_page_bytes(const struct archive_file *f)
{
	uint64_t size = 0;

	if (f->kind != IMAGE_PAGES)
		return 0;
	memcpy(&size, f->data, f->size < sizeof(size) ? f->size : sizeof(size));
	return size < PAGE_FILE_MAX ? size : PAGE_FILE_MAX;
}

static void must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	abort();
}

void archive_write(const struct archive *a, int dir)
{
	for (size_t i = 0; i < a->files; i++) {
		const struct archive_file *f = &a->file[i];
		int fd = openat(
			dir, f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd < 0)
			continue;
		if (f->kind == IMAGE_PAGES)
			must(!ftruncate(fd, archive_page_bytes(f)), f->name);
		else
			must(write(fd, f->data, f->size) == f->size, f->name);
		close(fd);
	}
}

void archive_unlink(const struct archive *a, int dir)
{
	for (size_t i = 0; i < a->files; i++)
		unlinkat(dir, a->file[i].name, 0);
}
