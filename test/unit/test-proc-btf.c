// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's types: a small set made by hand, and what the running kernel has. */
#include <errno.h>
#include <linux/btf.h>

#include "crl/proc/btf.h"
#include "proc/load.h"

static struct err err;

enum { INT = 1, INNER, UNION, ALIAS, CONST, OUTER, FUNC, PROTO };

#define NAMES	   "\0int\0inner\0sec\0nsec\0alias\0outer\0first\0wait\0flag\0func\0tail"
#define NAME_INT   1
#define NAME_INNER 5
#define NAME_SEC   11
#define NAME_NSEC  15
#define NAME_ALIAS 20
#define NAME_OUTER 26
#define NAME_FIRST 32
#define NAME_WAIT  38
#define NAME_FLAG  43
#define NAME_FUNC  48
#define NAME_TAIL  53

#define INFO(kind, members, flag) ((uint32_t)(flag) << 31 | (kind) << 24 | (members))

/*
 * struct inner { long sec, nsec; };
 * typedef struct inner alias;
 * struct outer {
 *	long first;
 *	union { long; const alias wait; };
 *	int flag : 3;
 *	int tail;
 * };
 */
/* clang-format off */
static const uint32_t types[] = {
	NAME_INT, INFO(BTF_KIND_INT, 0, 0), 8, 64,
	NAME_INNER, INFO(BTF_KIND_STRUCT, 2, 0), 16,
		NAME_SEC, INT, 0,
		NAME_NSEC, INT, 64,
	0, INFO(BTF_KIND_UNION, 2, 0), 16,
		0, INT, 0,
		NAME_WAIT, CONST, 0,
	NAME_ALIAS, INFO(BTF_KIND_TYPEDEF, 0, 0), INNER,
	0, INFO(BTF_KIND_CONST, 0, 0), ALIAS,
	NAME_OUTER, INFO(BTF_KIND_STRUCT, 4, 1), 32,
		NAME_FIRST, INT, 0,
		0, UNION, 64,
		NAME_FLAG, INT, 3u << 24 | 192,
		NAME_TAIL, INT, 224,
	NAME_FUNC, INFO(BTF_KIND_FUNC, 0, 0), PROTO,
	0, INFO(BTF_KIND_FUNC_PROTO, 1, 0), 0,
		0, INT,
};
/* clang-format on */

struct image {
	struct btf_header h;
	uint32_t types[sizeof(types) / sizeof(*types)];
	char names[sizeof(NAMES)];
};

/* Without the padding behind the names. */
#define IMAGE_LEN (offsetof(struct image, names) + sizeof(NAMES))

static struct image made(void)
{
	struct image i = {
		.h = {
			.magic = BTF_MAGIC,
			.version = BTF_VERSION,
			.hdr_len = sizeof(struct btf_header),
			.type_len = sizeof(types),
			.str_off = sizeof(types),
			.str_len = sizeof(NAMES),
		},
		.names = NAMES,
	};

	memcpy(i.types, types, sizeof(types));
	return i;
}

static void lookups(void)
{
	struct image i = made();
	struct btf *b;

	CU_ASSERT_EQUAL_FATAL(btf_parse(&i, IMAGE_LEN, &b, &err), 0);
	CU_ASSERT_EQUAL(btf_find(b, BTF_KIND_STRUCT, "outer", &err), OUTER);
	CU_ASSERT_EQUAL(btf_find(b, BTF_KIND_FUNC, "func", &err), FUNC);
	CU_ASSERT_EQUAL(btf_find(b, BTF_KIND_STRUCT, "func", &err), -ENOENT);
	CU_ASSERT_EQUAL(btf_find(b, BTF_KIND_STRUCT, "out", &err), -ENOENT);
	CU_ASSERT_EQUAL(btf_size(b, OUTER), 32);
	CU_ASSERT_EQUAL(btf_size(b, CONST), 16);
	CU_ASSERT_EQUAL(btf_size(b, INT), 0);
	CU_ASSERT_EQUAL(btf_size(b, 99), 0);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "first", &err), 0);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "wait", &err), 8);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "wait.sec", &err), 8);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "wait.nsec", &err), 16);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "flag", &err), 24);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "tail", &err), 28);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "nsec", &err), -ENOENT);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "wai", &err), -ENOENT);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "waits", &err), -ENOENT);
	CU_ASSERT_EQUAL(btf_offset(b, OUTER, "first.sec", &err), -ENOENT);
	CU_ASSERT_EQUAL(btf_offset(b, FUNC, "first", &err), -ENOENT);
	btf_free(b);
}

static void parse_any(const char *text, size_t len)
{
	struct btf *b;
	int ret = btf_parse(text, len, &b, &err);

	CU_ASSERT_EQUAL(ret, len == IMAGE_LEN ? 0 : -EINVAL);
	if (!ret)
		btf_free(b);
}

static void damaged_at(size_t word, uint32_t value)
{
	struct image i = made();
	struct proc_text t;
	struct btf *b;

	memcpy((char *)&i + word * 4, &value, sizeof(value));
	t.s = exact_copy(&i, IMAGE_LEN);
	if (!btf_parse(t.s, IMAGE_LEN, &b, &err)) {
		btf_find(b, BTF_KIND_FUNC, "nothing", &err);
		for (uint32_t id = 0; id < 12; id++) {
			btf_size(b, id);
			btf_offset(b, id, "wait.nsec", &err);
		}
		btf_free(b);
	}
	free((char *)t.s);
}

/* Cut off anywhere, or any word of it wrong: an error or a wrong answer, never a crash.
 */
static void malformed(void)
{
	static const uint32_t values[] = { 0, 1, 3, 6, 0x40, 0x7fffffff, 0xffffffff,
		INFO(BTF_KIND_UNION, 0xffff, 1), INFO(BTF_KIND_TYPEDEF, 0, 0),
		INFO(31, 0, 0) };
	struct image i = made();
	struct btf *b;

	each_prefix((struct proc_text){ (char *)&i, IMAGE_LEN }, parse_any);
	for (size_t word = 0; word < IMAGE_LEN / 4; word++)
		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++)
			damaged_at(word, values[v]);
	i.types[1] = INFO(31, 0, 0);
	CU_ASSERT_EQUAL(btf_parse(&i, IMAGE_LEN, &b, &err), -EINVAL);
	i = made();
	i.names[sizeof(NAMES) - 1] = 'x';
	CU_ASSERT_EQUAL(btf_parse(&i, IMAGE_LEN, &b, &err), -EINVAL);
}

static void running_kernel(void)
{
	struct btf *b;
	long id;
	int ret = btf_open_kernel(&b, &err);

	if (ret == -ENOENT) {
		printf("\n    this kernel has no type information\n");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(ret, 0);
	id = btf_find(b, BTF_KIND_STRUCT, "upid", &err);
	CU_ASSERT_TRUE_FATAL(id > 0);
	CU_ASSERT_EQUAL(btf_size(b, id), 2 * sizeof(void *));
	CU_ASSERT_EQUAL(btf_offset(b, id, "ns", &err), sizeof(void *));
	btf_free(b);
}

int main(void)
{
	static const struct test tests[] = {
		{ "lookups", lookups },
		{ "malformed", malformed },
		{ "running kernel", running_kernel },
	};

	return RUN_TESTS("btf", tests);
}
