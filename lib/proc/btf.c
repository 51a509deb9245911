// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * BTF, the kernel's description of its own types: /sys/kernel/btf/vmlinux.
 *
 * A header, a row of type records, a table of names. A record is three words
 * (name, kind and number of members, size or another type) and what its kind
 * adds; types refer to each other by their number in the row, beginning with 1
 * (0 is void). Nothing says where record N begins: one walk over the row makes
 * an index.
 *
 * The file is big (5 MiB, 130,000 types), and who asks for it wants two or three
 * structures at once. From Linux 6.16 on it can be mapped, so that nothing is
 * copied; before that read() hands it out a page at a time. Names are compared
 * only for records of the wanted kind.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/btf.h"
#include "crl/proc/file.h"

#define KERNEL_TYPES "/sys/kernel/btf/vmlinux"
#define LETTERS	     1024
#define DEPTH_MAX    16 /* of unnamed members, and of typedefs */

struct btf {
	const char *types;
	const char *names; /* ends with a NUL */
	uint32_t types_len, names_len;
	uint32_t *index; /* of type 1, 2, ...: offset from `types` */
	uint32_t count;
	void *map; /* the file, where it could be mapped */
	size_t map_len;
	struct proc_buf buf; /* the file, where it could not */
};

/* Bytes behind the three words of a record; -1 for a kind that is not known. */
static long extra_size(uint32_t info)
{
	size_t n = BTF_INFO_VLEN(info);

	switch (BTF_INFO_KIND(info)) {
	case BTF_KIND_INT:
		return sizeof(uint32_t);
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	}
	return -1;
}

static int make_index(struct btf *b, struct err *err)
{
	uint32_t at = 0, left;
	const struct btf_type *t;
	long extra;

	b->index = malloc(b->types_len / sizeof(*t) * sizeof(*b->index) + 1);
	if (!b->index)
		return err_os(err, ENOMEM, "index of the kernel's types");
	while (at < b->types_len) {
		left = b->types_len - at;
		t = (const void *)(b->types + at);
		extra = left < sizeof(*t) ? -1 : extra_size(t->info);
		if (extra < 0 || (size_t)extra > left - sizeof(*t))
			return err_set(err, EINVAL,
				"type %u of the kernel is not understood", b->count + 1);
		b->index[b->count++] = at;
		at += sizeof(*t) + extra;
	}
	return 0;
}

static int find_sections(struct btf *b, const char *data, size_t len, struct err *err)
{
	struct btf_header h;
	const char *body;
	size_t body_len;

	if (len < sizeof(h))
		return err_set(err, EINVAL, "the kernel's types: too short");
	memcpy(&h, data, sizeof(h));
	if (h.magic != BTF_MAGIC || h.version != BTF_VERSION)
		return err_set(
			err, EINVAL, "the kernel's types: not a format that is known");
	if (h.hdr_len < sizeof(h) || h.hdr_len > len || h.hdr_len % 4 || h.type_off % 4)
		return err_set(err, EINVAL, "the kernel's types: bad header");
	body = data + h.hdr_len;
	body_len = len - h.hdr_len;
	if (h.type_off > body_len || h.type_len > body_len - h.type_off ||
		h.str_off > body_len || h.str_len > body_len - h.str_off || !h.str_len ||
		body[h.str_off + h.str_len - 1])
		return err_set(err, EINVAL, "the kernel's types: bad header");
	b->types = body + h.type_off;
	b->types_len = h.type_len;
	b->names = body + h.str_off;
	b->names_len = h.str_len;
	return 0;
}

static int parse(struct btf *b, const void *data, size_t len, struct err *err)
{
	int ret = find_sections(b, data, len, err);

	return ret ? ret : make_index(b, err);
}

int btf_parse(const void *data, size_t len, struct btf **btf, struct err *err)
{
	struct btf *b = calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return err_os(err, ENOMEM, "the kernel's types");
	ret = parse(b, data, len, err);
	if (ret)
		btf_free(b);
	else
		*btf = b;
	return ret;
}

static int load(struct btf *b, struct err *err)
{
	auto_fd int fd = open(KERNEL_TYPES, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;
	int ret;

	if (fd < 0 || fstat(fd, &st))
		return err_os(err, errno, "open " KERNEL_TYPES);
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map != MAP_FAILED) {
		b->map = map;
		b->map_len = st.st_size;
		return parse(b, map, st.st_size, err);
	}
	ret = proc_buf_reserve(&b->buf, st.st_size + 8192, err);
	if (!ret)
		ret = proc_read_fd(fd, KERNEL_TYPES, &b->buf, err);
	return ret ? ret : parse(b, b->buf.data, b->buf.len, err);
}

int btf_open_kernel(struct btf **btf, struct err *err)
{
	struct btf *b = calloc(1, sizeof(*b));
	int ret;

	if (!b)
		return err_os(err, ENOMEM, "the kernel's types");
	ret = load(b, err);
	if (ret)
		btf_free(b);
	else
		*btf = b;
	return ret;
}

void btf_free(struct btf *b)
{
	if (!b)
		return;
	if (b->map)
		munmap(b->map, b->map_len);
	proc_buf_deinit(&b->buf);
	free(b->index);
	free(b);
}

/* NULL for void and for a number that no type has. */
static const struct btf_type *type_at(const struct btf *b, uint32_t id)
{
	if (!id || id > b->count)
		return NULL;
	return (const void *)(b->types + b->index[id - 1]);
}

static const char *name_at(const struct btf *b, uint32_t off)
{
	return off < b->names_len ? b->names + off : "";
}

long btf_find(const struct btf *b, unsigned int kind, const char *name, struct err *err)
{
	const struct btf_type *t;

	for (uint32_t id = 1; id <= b->count; id++) {
		t = type_at(b, id);
		if (BTF_INFO_KIND(t->info) == kind &&
			!strcmp(name_at(b, t->name_off), name))
			return id;
	}
	return err_set(err, ENOENT, "the kernel has no type '%s'", name);
}

/* Most of a hundred thousand names are told apart by their first two letters. */
static unsigned int letters(const char *name)
{
	return ((unsigned char)name[0] * 31u + (name[0] ? (unsigned char)name[1] : 0)) %
	       LETTERS;
}

int btf_find_all(
	const struct btf *b, struct btf_name *names, unsigned int n, struct err *err)
{
	bool wanted[LETTERS] = { false };

	for (unsigned int i = 0; i < n; i++) {
		names[i].id = 0;
		wanted[letters(names[i].name)] = true;
	}
	for (uint32_t id = 1; id <= b->count; id++) {
		const struct btf_type *t = type_at(b, id);
		unsigned int kind = BTF_INFO_KIND(t->info);
		const char *name;

		if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_FUNC)
			continue;
		name = name_at(b, t->name_off);
		for (unsigned int i = 0; i < n && wanted[letters(name)]; i++)
			if (names[i].kind == kind && !names[i].id &&
				!strcmp(names[i].name, name))
				names[i].id = id;
	}
	for (unsigned int i = 0; i < n; i++)
		if (!names[i].id)
			return err_set(err, ENOENT, "the kernel has no type '%s'",
				names[i].name);
	return 0;
}

/* The structure or union that `id` is another name for; NULL when it is neither. */
static const struct btf_type *composite(const struct btf *b, uint32_t id)
{
	const struct btf_type *t;

	for (int depth = 0; depth < DEPTH_MAX && (t = type_at(b, id)); depth++) {
		switch (BTF_INFO_KIND(t->info)) {
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
			return t;
		case BTF_KIND_TYPEDEF:
		case BTF_KIND_CONST:
		case BTF_KIND_VOLATILE:
		case BTF_KIND_TYPE_TAG:
			id = t->type;
			break;
		default:
			return NULL;
		}
	}
	return NULL;
}

uint32_t btf_size(const struct btf *b, uint32_t id)
{
	const struct btf_type *t = composite(b, id);

	return t ? t->size : 0;
}

/* Go into the member called name[0..len): *id becomes its type, *bits grows by its place.
 */
static bool enter_member(const struct btf *b, uint32_t *id, const char *name, size_t len,
	uint64_t *bits, int depth)
{
	const struct btf_type *t = composite(b, *id);
	const struct btf_member *m;
	uint32_t inner, off;

	if (!t || depth > DEPTH_MAX)
		return false;
	m = (const void *)(t + 1);
	for (uint32_t i = 0; i < BTF_INFO_VLEN(t->info); i++) {
		const char *own = name_at(b, m[i].name_off);

		off = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m[i].offset)
					      : m[i].offset;
		inner = m[i].type;
		if ((!strncmp(own, name, len) && !own[len]) ||
			(!*own && enter_member(b, &inner, name, len, bits, depth + 1))) {
			*id = inner;
			*bits += off;
			return true;
		}
	}
	return false;
}

/* Where the path leads: *id becomes the type of the member. */
static int follow_path(const struct btf *b, uint32_t *id, const char *path,
	uint64_t *bits, struct err *err)
{
	const char *part = path;

	*bits = 0;
	for (;;) {
		size_t len = strcspn(part, ".");

		if (!enter_member(b, id, part, len, bits, 0))
			return err_set(
				err, ENOENT, "the kernel has no member '%s'", path);
		if (!part[len])
			return 0;
		part += len + 1;
	}
}

long btf_offset(const struct btf *b, uint32_t id, const char *path, struct err *err)
{
	uint64_t bits;
	int ret = follow_path(b, &id, path, &bits, err);

	return ret ? ret : (long)(bits / 8);
}

static uint32_t value_size(const struct btf *b, uint32_t id, int depth)
{
	const struct btf_type *t = type_at(b, id);
	const struct btf_array *array;

	if (!t || depth > DEPTH_MAX)
		return 0;
	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return t->size;
	case BTF_KIND_PTR:
		return sizeof(void *);
	case BTF_KIND_ARRAY:
		array = (const void *)(t + 1);
		return array->nelems * value_size(b, array->type, depth + 1);
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_CONST:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_TYPE_TAG:
		return value_size(b, t->type, depth + 1);
	}
	return 0;
}

int btf_member(const struct btf *b, uint32_t id, const char *path,
	struct btf_place *place, struct err *err)
{
	int ret = follow_path(b, &id, path, &place->bits, err);

	if (!ret)
		place->size = value_size(b, id, 0);
	return ret;
}
