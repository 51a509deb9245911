/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The running kernel's own types: where a member lies inside a structure. */
#ifndef CRL_PROC_BTF_H
#define CRL_PROC_BTF_H

#include <stddef.h>
#include <stdint.h>

struct btf;
struct err;

/*
 * Open the types of the running kernel; *btf goes to btf_free. -ENOENT when the
 * kernel was built without them (CONFIG_DEBUG_INFO_BTF).
 */
int btf_open_kernel(struct btf **btf, struct err *err);

/* The same from memory, which must outlive *btf. -EINVAL when it is malformed. */
int btf_parse(const void *data, size_t len, struct btf **btf, struct err *err);

void btf_free(struct btf *btf);

/* The number of the first type of that kind (BTF_KIND_*) and name, or -ENOENT. */
long btf_find(
	const struct btf *btf, unsigned int kind, const char *name, struct err *err);

struct btf_name {
	unsigned int kind;
	const char *name;
	long id; /* set by btf_find_all */
};

/* The same for several names in one pass; -ENOENT names the first that is not there. */
int btf_find_all(
	const struct btf *btf, struct btf_name *names, unsigned int n, struct err *err);

/* Bytes that a value of type `id` takes, a structure or a union. */
uint32_t btf_size(const struct btf *btf, uint32_t id);

/*
 * Where a member lies in the structure `id`, in bytes, or -ENOENT. The path may
 * go through inner structures ("poll.end_time.tv_sec"); unnamed structures and
 * unions are looked through, as C does.
 */
long btf_offset(const struct btf *btf, uint32_t id, const char *path, struct err *err);

struct btf_place {
	uint64_t bits; /* from the beginning of the structure */
	uint32_t size; /* bytes that a value of its type takes; 0 for an array without
			  length */
};

/* The same, in bits, with the size of the member. 0, or -ENOENT. */
int btf_member(const struct btf *btf, uint32_t id, const char *path,
	struct btf_place *place, struct err *err);

#endif
