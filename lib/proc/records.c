// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records of traced threads: see crl/proc/records.h.
 *
 * A program of ours runs in the kernel for each task of our pid namespace, and
 * what it writes comes out of a file. The filter by thread that the kernel
 * offers since 6.1 finds only leaders before 6.12, and would mean one pass a
 * thread; it is not used: passing over a task that is not traced takes 0.3 us.
 *
 * Where the members lie is looked up by name in the kernel's own type
 * information, and the program is made to fit (records-program.c).
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/btf.h"
#include "crl/proc/file.h"
#include "crl/proc/records.h"
#include "records.h"

#define TYPES	    13
#define THREAD_PART offsetof(struct task_record, limit)

#define FIELD(from, in, name, member, ...)                                             \
	{ .base = from, .type = in, .path = name, .at = offsetof(struct task_record, member), \
		.size = sizeof(((struct task_record *)0)->member), __VA_ARGS__ }

/*
 * The members to copy. In the order of the bases, so that the program follows
 * each pointer once; a longer member of the kernel is an error, a shorter one
 * leaves zeroes. Optional are those whose kind has changed (posix_timers was a list
 * with two ends until 6.14) or that depend on how the kernel was configured.
 */
static const struct record_field fields[] = {
	FIELD(BASE_TASK, "task_struct", "sas_ss_sp", altstack),
	FIELD(BASE_TASK, "task_struct", "sas_ss_size", altstack_size),
	FIELD(BASE_TASK, "task_struct", "sas_ss_flags", altstack_flags),
	FIELD(BASE_TASK, "task_struct", "clear_child_tid", clear_child_tid),
	FIELD(BASE_TASK, "task_struct", "timer_slack_ns", timer_slack),
	FIELD(BASE_TASK, "task_struct", "atomic_flags", atomic_flags),
	FIELD(BASE_TASK, "task_struct", "pending.signal", pending),
	FIELD(BASE_TASK, "task_struct", "blocked", blocked),
	FIELD(BASE_TASK, "task_struct", "mm", mm),
	FIELD(BASE_TASK, "task_struct", "files", files),
	FIELD(BASE_TASK, "task_struct", "fs", fs),
	FIELD(BASE_TASK, "task_struct", "sighand", sighand),
	FIELD(BASE_TASK, "task_struct", "nsproxy", nsproxy),
	FIELD(BASE_TASK, "task_struct", "pdeath_signal", pdeath_signal),
	FIELD(BASE_TASK, "task_struct", "personality", personality),
	FIELD(BASE_TASK, "task_struct", "seccomp.mode", seccomp_mode),
	FIELD(BASE_TASK, "task_struct", "loginuid", loginuid, .optional = true),
	FIELD(BASE_TASK, "task_struct", "comm", comm),
	FIELD(BASE_TASK, "task_struct", "restart_block", restart),
	FIELD(BASE_TASK, "task_struct", "thread.tls_array", tls, .optional = true),
	FIELD(BASE_CRED, "cred", "user_ns", user_ns),
	FIELD(BASE_CRED, "cred", "cap_inheritable", cap_inh),
	FIELD(BASE_CRED, "cred", "cap_permitted", cap_prm),
	FIELD(BASE_CRED, "cred", "cap_effective", cap_eff),
	FIELD(BASE_CRED, "cred", "cap_bset", cap_bnd),
	FIELD(BASE_CRED, "cred", "cap_ambient", cap_amb),
	FIELD(BASE_CRED, "cred", "uid", uid[0]),
	FIELD(BASE_CRED, "cred", "euid", uid[1]),
	FIELD(BASE_CRED, "cred", "suid", uid[2]),
	FIELD(BASE_CRED, "cred", "fsuid", uid[3]),
	FIELD(BASE_CRED, "cred", "gid", gid[0]),
	FIELD(BASE_CRED, "cred", "egid", gid[1]),
	FIELD(BASE_CRED, "cred", "sgid", gid[2]),
	FIELD(BASE_CRED, "cred", "fsgid", gid[3]),
	FIELD(BASE_CRED, "cred", "securebits", securebits),
	FIELD(BASE_GROUPS, "group_info", "ngroups", n_groups),
	FIELD(BASE_GROUPS, "group_info", "gid", groups, .array = true),
	FIELD(BASE_FS, "fs_struct", "umask", umask),
	FIELD(BASE_SIGNAL, "signal_struct", "rlim", limit),
	FIELD(BASE_SIGNAL, "signal_struct", "shared_pending.signal", shared_pending),
	FIELD(BASE_SIGNAL, "signal_struct", "posix_timers", posix_timers, .optional = true),
	FIELD(BASE_SIGNAL, "signal_struct", "it", cpu_timer),
	FIELD(BASE_SIGNAL, "signal_struct", "it_real_incr", real_interval),
	FIELD(BASE_SIGNAL, "signal_struct", "real_timer.state", real_queued, .optional = true),
	FIELD(BASE_SIGNAL, "signal_struct", "oom_score_adj", oom_score_adj),
	FIELD(BASE_SIGNAL, "signal_struct", "is_child_subreaper", subreaper, .bit = true),
	FIELD(BASE_MM, "mm_struct", "flags", mm_flags),
	FIELD(BASE_MM, "mm_struct", "brk", brk),
	FIELD(BASE_MM, "mm_struct", "membarrier_state", membarrier, .optional = true),
	FIELD(BASE_MM, "mm_struct", "saved_auxv", auxv),
	FIELD(BASE_FDT, "fdtable", "max_fds", max_fds),
	FIELD(BASE_CLOEXEC, NULL, NULL, cloexec),
	FIELD(BASE_SIGHAND, "sighand_struct", "action", action),
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

struct task_records {
	struct records_info info;
	struct record_place places[FIELDS];
	struct proc_buf data;
	const struct task_record **sorted; /* by tid */
	size_t n;
};

/* The types that have members of interest; looked up once, in one pass. */
struct types {
	struct btf_name name[TYPES];
};

static int types_find(const struct btf *btf, struct types *types, struct err *err)
{
	static const char *const structs[TYPES - 1] = { "task_struct", "cred", "group_info",
		"fs_struct", "signal_struct", "mm_struct", "files_struct", "fdtable",
		"sighand_struct", "pid", "upid", "restart_block" };

	for (unsigned int i = 0; i < TYPES - 1; i++)
		types->name[i] = (struct btf_name){ BTF_KIND_STRUCT, structs[i], 0 };
	types->name[TYPES - 1] = (struct btf_name){ BTF_KIND_FUNC, "bpf_iter_task", 0 };
	return btf_find_all(btf, types->name, TYPES, err);
}

static long type_of(const struct types *types, const char *name)
{
	for (unsigned int i = 0; i < TYPES; i++)
		if (!strcmp(types->name[i].name, name))
			return types->name[i].id;
	return 0;
}

/* Where a member lies and how long it is. */
static int place_field(const struct btf *btf, long type, const struct record_field *f,
	struct record_place *p, struct err *err)
{
	struct btf_place at;
	int ret = btf_member(btf, type, f->path, &at, err);

	*p = (struct record_place){ 0 };
	if (f->optional && (ret || at.size > f->size))
		return 0;
	if (ret)
		return ret;
	*p = (struct record_place){ .off = at.bits / 8, .size = at.size };
	if (f->bit) {
		p->off = at.bits / 32 * 4;
		p->size = 4;
		p->shift = at.bits % 32;
	} else if (f->array) {
		p->size = f->size;
	} else if (!p->size || p->size > f->size) {
		return err_set(err, EOPNOTSUPP, "member '%s' takes %u bytes", f->path, p->size);
	}
	return 0;
}

static int place_fields(const struct btf *btf, const struct types *types,
	struct record_place *places, struct err *err)
{
	for (size_t i = 0; i < FIELDS; i++) {
		int ret;

		if (!fields[i].type) {
			places[i] = (struct record_place){ .size = fields[i].size };
			continue;
		}
		ret = place_field(btf, type_of(types, fields[i].type), &fields[i], &places[i], err);
		if (ret)
			return err_in(err, ret, "struct %s", fields[i].type);
	}
	return 0;
}

/* Without a path, the size of the type. */
static const struct {
	const char *type, *path, *later; /* the name in later kernels */
	size_t at;
} walk_members[] = {
#define WALK(member) offsetof(struct record_walk, member)
	{ "task_struct", "ptrace", NULL, WALK(ptrace) },
	{ "task_struct", "pid", NULL, WALK(pid) },
	{ "task_struct", "tgid", NULL, WALK(tgid) },
	{ "task_struct", "thread_pid", NULL, WALK(thread_pid) },
	{ "task_struct", "real_cred", NULL, WALK(base[BASE_CRED]) },
	{ "task_struct", "signal", NULL, WALK(base[BASE_SIGNAL]) },
	{ "task_struct", "sighand", NULL, WALK(base[BASE_SIGHAND]) },
	{ "task_struct", "mm", NULL, WALK(base[BASE_MM]) },
	{ "task_struct", "fs", NULL, WALK(base[BASE_FS]) },
	{ "task_struct", "files", NULL, WALK(base[BASE_FDT]) },
	{ "cred", "group_info", NULL, WALK(group_info) },
	{ "files_struct", "fdt", NULL, WALK(fdt) },
	{ "fdtable", "close_on_exec", NULL, WALK(close_on_exec) },
	{ "pid", "level", NULL, WALK(level) },
	{ "pid", "numbers", NULL, WALK(numbers) },
	{ "upid", NULL, NULL, WALK(upid_size) },
};

static const struct {
	const char *path, *later;
	size_t at;
} restart_members[] = {
#define RESTART(member) offsetof(struct restart_layout, member)
	{ "poll.ufds", NULL, RESTART(first) },
	{ "futex.flags", NULL, RESTART(futex_flags) },
	{ "futex.time", NULL, RESTART(futex_time) },
	{ "nanosleep.clockid", NULL, RESTART(clockid) },
	{ "nanosleep.expires", NULL, RESTART(expires) },
	{ "poll.has_timeout", NULL, RESTART(has_timeout) },
	{ "poll.tv_sec", "poll.end_time.tv_sec", RESTART(tv_sec) },
	{ "poll.tv_nsec", "poll.end_time.tv_nsec", RESTART(tv_nsec) },
};

static int place_walk(const struct btf *btf, const struct types *types, struct record_walk *w,
	struct err *err)
{
	for (size_t i = 0; i < sizeof(walk_members) / sizeof(*walk_members); i++) {
		long id = type_of(types, walk_members[i].type), value;

		value = walk_members[i].path ? btf_offset(btf, id, walk_members[i].path, err)
					     : (long)btf_size(btf, id);
		if (value < 0)
			return err_in(err, value, "struct %s", walk_members[i].type);
		memcpy((char *)w + walk_members[i].at, &value, sizeof(value));
	}
	w->iter = type_of(types, "bpf_iter_task");
	return 0;
}

/* Layouts: 5.10 has no arch_data in front; poll has its end in tv_sec and tv_nsec,
 * after 6.18 in end_time. */
static int place_restart(const struct btf *btf, const struct types *types,
	struct restart_layout *l, struct err *err)
{
	long id = type_of(types, "restart_block"), value;

	for (size_t i = 0; i < sizeof(restart_members) / sizeof(*restart_members); i++) {
		value = btf_offset(btf, id, restart_members[i].path, err);
		if (value < 0 && restart_members[i].later)
			value = btf_offset(btf, id, restart_members[i].later, err);
		if (value < 0)
			return err_in(err, value, "struct restart_block");
		memcpy((char *)l + restart_members[i].at, &value, sizeof(value));
	}
	return 0;
}

static int call_bpf(int cmd, union bpf_attr *attr, const char *what, struct err *err)
{
	int fd = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? err_os(err, errno, "records of tasks: %s", what) : fd;
}

static int program_load(const struct record_program *p, long iter, struct err *err)
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

/* A file whose contents are the records; reading it runs the program. */
static int iterator_open(int program, struct err *err)
{
	union bpf_attr attr;
	auto_fd int link = -1;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = program;
	attr.link_create.attach_type = BPF_TRACE_ITER;
	link = call_bpf(BPF_LINK_CREATE, &attr, "attach the program", err);
	if (link < 0)
		return link;
	memset(&attr, 0, sizeof(attr));
	attr.iter_create.link_fd = link;
	return call_bpf(BPF_ITER_CREATE, &attr, "open the iterator", err);
}

static uint64_t time_of(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int by_tid(const void *left, const void *right)
{
	const struct task_record *a = *(const struct task_record *const *)left;
	const struct task_record *b = *(const struct task_record *const *)right;

	return (a->tid > b->tid) - (a->tid < b->tid);
}

static int sort(struct task_records *r, struct err *err)
{
	r->sorted = calloc(r->data.len / THREAD_PART + 1, sizeof(*r->sorted));
	if (!r->sorted)
		return err_os(err, ENOMEM, "records of tasks");
	for (size_t at = 0; at + THREAD_PART <= r->data.len;) {
		struct task_record *rec = (struct task_record *)(r->data.data + at);
		size_t size = rec->leader ? sizeof(*rec) : THREAD_PART;

		if (r->data.len - at < size)
			break;
		if (rec->leader)
			rec->subreaper = rec->subreaper & 1;
		r->sorted[r->n++] = rec;
		at += size;
	}
	qsort(r->sorted, r->n, sizeof(*r->sorted), by_tid);
	return 0;
}

static int read_all(struct task_records *r, struct err *err)
{
	auto_free struct record_program *p = calloc(1, sizeof(*p));
	auto_fd int program = -1, iterator = -1;
	struct record_walk walk;
	struct types types;
	struct btf *btf;
	int ret = p ? btf_open_kernel(&btf, err) : err_os(err, ENOMEM, "records of tasks");

	if (ret)
		return ret;
	ret = types_find(btf, &types, err);
	if (!ret)
		ret = place_walk(btf, &types, &walk, err);
	if (!ret)
		ret = place_fields(btf, &types, r->places, err);
	if (!ret)
		ret = place_restart(btf, &types, &r->info.restart, err);
	btf_free(btf);
	if (ret)
		return ret;
	ret = record_program_make(p, &walk, fields, r->places, FIELDS, err);
	if (ret)
		return ret;
	program = program_load(p, walk.iter, err);
	if (program < 0)
		return program;
	iterator = iterator_open(program, err);
	if (iterator < 0)
		return iterator;
	r->info.realtime = time_of(CLOCK_REALTIME);
	r->info.tai = time_of(CLOCK_TAI);
	ret = proc_read_fd(iterator, "records of tasks", &r->data, err);
	return ret ? ret : sort(r, err);
}

int task_records_read(struct task_records **out, struct err *err)
{
	struct task_records *r = calloc(1, sizeof(*r));
	int ret = r ? read_all(r, err) : err_os(err, ENOMEM, "records of tasks");

	if (ret)
		task_records_free(r);
	else
		*out = r;
	return ret;
}

void task_records_free(struct task_records *r)
{
	if (!r)
		return;
	proc_buf_deinit(&r->data);
	free(r->sorted);
	free(r);
}

static int find_tid(const void *key, const void *record)
{
	pid_t tid = *(const pid_t *)key;
	pid_t other = (*(const struct task_record *const *)record)->tid;

	return (tid > other) - (tid < other);
}

const struct task_record *task_records_find(const struct task_records *r, pid_t tid)
{
	const struct task_record **found =
		bsearch(&tid, r->sorted, r->n, sizeof(*r->sorted), find_tid);

	return found ? *found : NULL;
}

bool task_records_have(const struct task_records *r, size_t member)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].at == member)
			return r->places[i].size;
	return false;
}

const struct records_info *task_records_info(const struct task_records *r)
{
	return &r->info;
}
