// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading restart blocks out of the kernel: no file of procfs and no request of
 * ptrace shows them. What can is a BPF iterator over tasks (Linux 5.8): a
 * program of ours runs in the kernel for each task of our pid namespace, and
 * what it writes comes out of a file. Ours writes one record for every traced
 * thread: one pass serves a whole tree (0.3 us for each task of the machine).
 * The filter by thread that the kernel offers since 6.1 finds only leaders
 * before 6.12, and would mean one pass a thread; it is not used.
 *
 * The members are found by name in the kernel's own type information, and the
 * program (some 50 instructions) is made to fit. Layouts: 5.10 has no arch_data
 * in front; poll has its end in tv_sec and tv_nsec, after 6.18 in end_time.
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
#include "task/restart-scan.h"

#define NS_A_SECOND 1000000000ull
#define INSN_MAX    80

#define STACK_RECORD  (-(int)sizeof(struct restart_record))
#define STACK_SCRATCH (STACK_RECORD - 8)

/* Where the program finds things; offsets in bytes. */
struct places {
	long iter; /* number of the function that the iterator calls */
	long block_size, upid_size;
	long block, ptrace, thread_pid, level, numbers;
	struct restart_layout in;
};

struct program {
	struct bpf_insn insn[INSN_MAX];
	unsigned int n;
};

#define AT(member) offsetof(struct places, member)

/* Without a path, the size of the type. */
static const struct {
	const char *type, *path, *later; /* the name in later kernels */
	size_t at;
} members[] = {
	{ "task_struct", "restart_block", NULL, AT(block) },
	{ "task_struct", "ptrace", NULL, AT(ptrace) },
	{ "task_struct", "thread_pid", NULL, AT(thread_pid) },
	{ "pid", "level", NULL, AT(level) },
	{ "pid", "numbers", NULL, AT(numbers) },
	{ "upid", NULL, NULL, AT(upid_size) },
	{ "restart_block", NULL, NULL, AT(block_size) },
	{ "restart_block", "poll.ufds", NULL, AT(in.first) },
	{ "restart_block", "futex.flags", NULL, AT(in.futex_flags) },
	{ "restart_block", "futex.time", NULL, AT(in.futex_time) },
	{ "restart_block", "nanosleep.clockid", NULL, AT(in.clockid) },
	{ "restart_block", "nanosleep.expires", NULL, AT(in.expires) },
	{ "restart_block", "poll.has_timeout", NULL, AT(in.has_timeout) },
	{ "restart_block", "poll.tv_sec", "poll.end_time.tv_sec", AT(in.tv_sec) },
	{ "restart_block", "poll.tv_nsec", "poll.end_time.tv_nsec", AT(in.tv_nsec) },
};

static int places_fill(struct places *l, const struct btf *btf, struct err *err)
{
	const char *type = "";
	long id = 0, value;

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		if (strcmp(type, members[i].type)) {
			type = members[i].type;
			id = btf_find(btf, BTF_KIND_STRUCT, type, err);
			if (id < 0)
				return id;
		}
		value = members[i].path ? btf_offset(btf, id, members[i].path, err)
					: (long)btf_size(btf, id);
		if (value < 0 && members[i].later)
			value = btf_offset(btf, id, members[i].later, err);
		if (value < 0)
			return err_in(err, value, "struct %s", type);
		memcpy((char *)l + members[i].at, &value, sizeof(value));
	}
	l->iter = btf_find(btf, BTF_KIND_FUNC, "bpf_iter_task", err);
	if (l->iter < 0)
		return l->iter;
	if (l->block_size > RESTART_BLOCK_MAX || l->block_size % 8)
		return err_set(
			err, EOPNOTSUPP, "restart block of %ld bytes", l->block_size);
	return 0;
}

static int places_read(struct places *l, struct err *err)
{
	struct btf *btf;
	int ret = btf_open_kernel(&btf, err);

	if (ret)
		return ret;
	ret = places_fill(l, btf, err);
	btf_free(btf);
	return ret;
}

static void emit(struct program *p, int code, int dst, int src, int off, int imm)
{
	p->insn[p->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

static void emit_call(struct program *p, int function)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

/* dst = src + imm, all 64 bits. */
static void emit_sum(struct program *p, int dst, int src, int imm)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}

/* Copy from the kernel, at the address in `reg` + off, to the stack; zeroes if it faults.
 */
static void emit_read(struct program *p, int stack, int size, int reg, int off)
{
	emit_sum(p, BPF_REG_3, reg, off);
	emit_sum(p, BPF_REG_1, BPF_REG_10, stack);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, size);
	emit_call(p, BPF_FUNC_probe_read_kernel);
}

/* reg = the pointer at the address in `from` + off. */
static void emit_follow(struct program *p, int reg, int from, int off)
{
	emit_read(p, STACK_SCRATCH, 8, from, off);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, reg, BPF_REG_10, STACK_SCRATCH, 0);
}

static void emit_time(struct program *p, int function, size_t at)
{
	emit_call(p, function);
	emit(p, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_0, STACK_RECORD + (int)at,
		0);
}

/*
 * The id of a task in our namespace is thread_pid->numbers[our level]; only
 * tasks of our namespace are visited, and "current" is ourselves, reading.
 * r6: context { meta, task }, r7: task, r8: our level.
 */
static void program_make(struct program *p, const struct places *l, size_t stride)
{
	const int tid = STACK_RECORD + (int)offsetof(struct restart_record, tid);
	const int block = STACK_RECORD + (int)offsetof(struct restart_record, block);
	unsigned int skip[2];

	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_6, 8, 0);
	skip[0] = p->n;
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 0, 0); /* behind the last task */
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_7, l->ptrace, 0);
	skip[1] = p->n;
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0); /* not traced */
	emit(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, tid, 0);
	emit_call(p, BPF_FUNC_get_current_task);
	emit_follow(p, BPF_REG_8, BPF_REG_0, l->thread_pid);
	emit_read(p, tid, 4, BPF_REG_8, l->level);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_8, BPF_REG_10, tid, 0);
	emit(p, BPF_ALU64 | BPF_MUL | BPF_K, BPF_REG_8, 0, 0, l->upid_size);
	emit_follow(p, BPF_REG_1, BPF_REG_7, l->thread_pid);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_8, BPF_REG_1, 0, 0);
	emit_read(p, tid, 4, BPF_REG_8, l->numbers);
	emit_read(p, block, l->block_size, BPF_REG_7, l->block);
	emit_time(p, BPF_FUNC_ktime_get_ns, offsetof(struct restart_record, monotonic));
	emit_time(
		p, BPF_FUNC_ktime_get_boot_ns, offsetof(struct restart_record, boottime));
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_6, 0, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_1, 0, 0); /* meta->seq */
	emit_sum(p, BPF_REG_2, BPF_REG_10, STACK_RECORD);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, stride);
	emit_call(p, BPF_FUNC_seq_write);
	for (int i = 0; i < 2; i++)
		p->insn[skip[i]].off = p->n - skip[i] - 1;
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int call_bpf(int cmd, union bpf_attr *attr, const char *what, struct err *err)
{
	int fd = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? err_os(err, errno, "restart blocks: %s", what) : fd;
}

static int program_load(const struct places *l, size_t stride, struct err *err)
{
	struct program p = { .n = 0 };
	union bpf_attr attr;

	program_make(&p, l, stride);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_TRACING;
	attr.expected_attach_type = BPF_TRACE_ITER;
	attr.attach_btf_id = l->iter;
	attr.insns = (uintptr_t)p.insn;
	attr.insn_cnt = p.n;
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
	return ts.tv_sec * NS_A_SECOND + ts.tv_nsec;
}

int restart_scan_read(struct restart_scan *s, struct err *err)
{
	auto_fd int program = -1, iterator = -1;
	struct places l;
	int ret = places_read(&l, err);

	if (ret)
		return ret;
	s->layout = l.in;
	s->stride = offsetof(struct restart_record, block) + l.block_size;
	program = program_load(&l, s->stride, err);
	if (program < 0)
		return program;
	iterator = iterator_open(program, err);
	if (iterator < 0)
		return iterator;
	s->realtime = time_of(CLOCK_REALTIME);
	s->tai = time_of(CLOCK_TAI);
	return proc_read_fd(iterator, "restart blocks", &s->records, err);
}

void restart_scan_deinit(struct restart_scan *s)
{
	proc_buf_deinit(&s->records);
}

static int by_tid(const void *key, const void *record)
{
	const pid_t *tid = key;
	const struct restart_record *rec = record;

	return *tid < (pid_t)rec->tid ? -1 : *tid > (pid_t)rec->tid;
}

const struct restart_record *restart_scan_find(const struct restart_scan *s, pid_t tid)
{
	if (s->records.len < s->stride)
		return NULL;
	return bsearch(
		&tid, s->records.data, s->records.len / s->stride, s->stride, by_tid);
}
