// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Task iterators: see crl/proc/task-iter.h.
 *
 * The filter by thread that the kernel offers since 6.1 finds only leaders
 * before 6.12, and would mean one pass a thread; it is not used: passing over a
 * task takes 0.3 us.
 */
#include <errno.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/btf.h"
#include "crl/proc/file.h"
#include "task-iter-program.h"

#define TYPES_MAX 24

/* The types that have members of interest; looked up once, in one pass. */
struct types {
	struct btf_name name[TYPES_MAX];
	unsigned int n;
};

static long type_of(const struct types *types, const char *name)
{
	for (unsigned int i = 0; i < types->n; i++)
		if (!strcmp(types->name[i].name, name))
			return types->name[i].id;
	return 0;
}

static void types_add(struct types *types, unsigned int kind, const char *name)
{
	for (unsigned int i = 0; i < types->n; i++)
		if (!strcmp(types->name[i].name, name))
			return;
	if (types->n < TYPES_MAX)
		types->name[types->n++] = (struct btf_name){ kind, name, 0 };
}

/* Where a member lies and how long it is. */
static int place_field(const struct btf *btf, long type, const struct iter_field *f,
	struct iter_place *p, struct err *err)
{
	struct btf_place at;
	int ret = btf_member(btf, type, f->path, &at, err);

	if (ret && f->later)
		ret = btf_member(btf, type, f->later, &at, err);
	*p = (struct iter_place){ 0 };
	if (f->optional && (ret || (!f->pid && at.size > f->size)))
		return 0;
	if (ret)
		return ret;
	*p = (struct iter_place){ .off = at.bits / 8, .size = at.size };
	if (f->bit) {
		p->off = at.bits / 32 * 4;
		p->size = 4;
		p->shift = at.bits % 32;
	} else if (f->pid) {
		p->off += f->index * sizeof(void *);
		p->size = f->size;
	} else if (f->array) {
		p->size = f->size;
	} else if (!p->size || p->size > f->size) {
		return err_set(
			err, EOPNOTSUPP, "member '%s' takes %u bytes", f->path, p->size);
	}
	return 0;
}

static int place_fields(const struct btf *btf, const struct types *types,
	const struct iter_field *fields, struct iter_place *places, size_t n,
	struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		int ret;

		if (!fields[i].type) {
			places[i] = (struct iter_place){ .size = fields[i].size };
			continue;
		}
		ret = place_field(
			btf, type_of(types, fields[i].type), &fields[i], &places[i], err);
		if (ret)
			return err_in(err, ret, "struct %s", fields[i].type);
	}
	return 0;
}

/* Without a path, the size of the type. */
static const struct {
	const char *type, *path;
	size_t at;
} walk_members[] = {
#define WALK(member) offsetof(struct iter_walk, member)
	{ "task_struct", "ptrace", WALK(ptrace) },
	{ "task_struct", "pid", WALK(pid) },
	{ "task_struct", "tgid", WALK(tgid) },
	{ "task_struct", "thread_pid", WALK(thread_pid) },
	{ "task_struct", "real_parent", WALK(real_parent) },
	{ "task_struct", "parent", WALK(parent) },
	{ "task_struct", "real_cred", WALK(cred) },
	{ "task_struct", "signal", WALK(signal) },
	{ "task_struct", "sighand", WALK(sighand) },
	{ "task_struct", "mm", WALK(mm) },
	{ "task_struct", "fs", WALK(fs) },
	{ "task_struct", "files", WALK(files) },
	{ "cred", "group_info", WALK(group_info) },
	{ "files_struct", "fdt", WALK(fdt) },
	{ "fdtable", "close_on_exec", WALK(close_on_exec) },
	{ "pid", "level", WALK(level) },
	{ "pid", "numbers", WALK(numbers) },
	{ "upid", NULL, WALK(upid_size) },
};

#define WALK_MEMBERS (sizeof(walk_members) / sizeof(*walk_members))

static int place_walk(const struct btf *btf, const struct types *types,
	struct iter_walk *w, struct err *err)
{
	for (size_t i = 0; i < WALK_MEMBERS; i++) {
		long id = type_of(types, walk_members[i].type), value;

		value = walk_members[i].path
				? btf_offset(btf, id, walk_members[i].path, err)
				: (long)btf_size(btf, id);
		if (value < 0)
			return err_in(err, value, "struct %s", walk_members[i].type);
		memcpy((char *)w + walk_members[i].at, &value, sizeof(value));
	}
	w->iter = type_of(types, "bpf_iter_task");
	return 0;
}

static int find_types(const struct btf *btf, const struct iter_field *fields, size_t n,
	struct types *types, struct err *err)
{
	types->n = 0;
	types_add(types, BTF_KIND_FUNC, "bpf_iter_task");
	for (size_t i = 0; i < WALK_MEMBERS; i++)
		types_add(types, BTF_KIND_STRUCT, walk_members[i].type);
	for (size_t i = 0; i < n; i++)
		if (fields[i].type)
			types_add(types, BTF_KIND_STRUCT, fields[i].type);
	return btf_find_all(btf, types->name, types->n, err);
}

static int call_bpf(int cmd, union bpf_attr *attr, const char *what, struct err *err)
{
	int fd = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? err_os(err, errno, "iterator over tasks: %s", what) : fd;
}

static int program_load(const struct iter_program *p, long iter, struct err *err)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = BPF_TRACE_ITER;
	attr.attach_btf_id = iter;
	attr.insns = (uintptr_t)p->insn;
	attr.insn_cnt = p->n;
	attr.license = (uintptr_t) "GPL";
	return call_bpf(
		BPF_PROG_LOAD, &attr, "load BPF (needs CAP_BPF, CAP_PERFMON)", err);
}

int task_iter_read(int link, struct proc_buf *out, struct err *err)
{
	union bpf_attr attr;
	auto_fd int iterator = -1; /* a file whose contents are the records */

	memset(&attr, 0, sizeof(attr));
	attr.iter_create.link_fd = link;
	iterator = call_bpf(BPF_ITER_CREATE, &attr, "open it", err);
	return iterator < 0 ? iterator
			    : proc_read_fd(iterator, "iterator over tasks", out, err);
}

int task_iter_open(const struct btf *btf, const struct iter_shape *shape,
	const struct iter_field *fields, struct iter_place *places, size_t n,
	struct err *err)
{
	auto_free struct iter_program *p = calloc(1, sizeof(*p));
	auto_fd int program = -1;
	struct iter_walk walk;
	union bpf_attr attr;
	struct types types;
	int ret = p ? find_types(btf, fields, n, &types, err)
		    : err_os(err, ENOMEM, "iterator over tasks");

	if (!ret)
		ret = place_walk(btf, &types, &walk, err);
	if (!ret)
		ret = place_fields(btf, &types, fields, places, n, err);
	if (!ret)
		ret = iter_program_make(p, &walk, shape, fields, places, n, err);
	if (ret)
		return ret;
	program = program_load(p, walk.iter, err);
	if (program < 0)
		return program;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program;
	attr.link_create.attach_type = BPF_TRACE_ITER;
	return call_bpf(BPF_LINK_CREATE, &attr, "attach the program", err);
}
