// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The BPF program that copies one task into one record.
 *
 * Its stack has 512 bytes, so a record is written in chunks: a chunk is cleared
 * on the stack, the members that lie in it are copied there, and it is written
 * out. A member may begin in one chunk and end in the next. A read that faults
 * leaves zeroes. The kernel discards what was written of a record when its
 * buffer is full, and runs the program once more for that task.
 *
 * r6: context { meta, task }, r7: task, r8: the structure that is being read,
 * r9: meta->seq.
 */
#include <errno.h>

#include "crl/err.h"
#include "crl/proc/records.h"
#include "records.h"

#define CHUNK	      384
#define STACK_CHUNK   (-CHUNK)
#define STACK_SCRATCH (STACK_CHUNK - 8)
#define THREAD_PART   offsetof(struct task_record, limit)

struct making {
	struct record_program *p;
	const struct record_walk *walk;
	const struct record_field *fields;
	const struct record_place *places;
	size_t n;
};

static void emit(struct record_program *p, int code, int dst, int src, int off, int imm)
{
	if (p->n == RECORD_INSN_MAX) {
		p->full = true;
		return;
	}
	p->insn[p->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

static void emit_call(struct record_program *p, int function)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

/* dst = src + imm, all 64 bits. */
static void emit_sum(struct record_program *p, int dst, int src, int imm)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}

/* Copy from the kernel, at the address in `reg` + off, to the stack. */
static void emit_read(struct record_program *p, int stack, int size, int reg, int off)
{
	emit_sum(p, BPF_REG_3, reg, off);
	emit_sum(p, BPF_REG_1, BPF_REG_10, stack);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, size);
	emit_call(p, BPF_FUNC_probe_read_kernel);
}

/* reg = the pointer at the address in `from` + off. */
static void emit_follow(struct record_program *p, int reg, int from, int off)
{
	emit_read(p, STACK_SCRATCH, 8, from, off);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, reg, BPF_REG_10, STACK_SCRATCH, 0);
}

/* r8 = the structure. */
static void emit_base(const struct making *m, enum record_base base)
{
	const struct record_walk *w = m->walk;

	switch (base) {
	case BASE_TASK:
	case BASES:
		emit(m->p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_8, BPF_REG_7, 0, 0);
		break;
	case BASE_GROUPS:
		emit_follow(m->p, BPF_REG_8, BPF_REG_7, w->base[BASE_CRED]);
		emit_follow(m->p, BPF_REG_8, BPF_REG_8, w->group_info);
		break;
	case BASE_FDT:
	case BASE_CLOEXEC:
		emit_follow(m->p, BPF_REG_8, BPF_REG_7, w->base[BASE_FDT]);
		emit_follow(m->p, BPF_REG_8, BPF_REG_8, w->fdt);
		if (base == BASE_CLOEXEC)
			emit_follow(m->p, BPF_REG_8, BPF_REG_8, w->close_on_exec);
		break;
	default:
		emit_follow(m->p, BPF_REG_8, BPF_REG_7, w->base[base]);
	}
}

static int in_chunk(size_t at, size_t from)
{
	return STACK_CHUNK + (int)(at - from);
}

/* What of the record is not a copied member: the id in our namespace, and times. */
static void emit_head(const struct making *m, size_t from)
{
	struct record_program *p = m->p;
	int tid = in_chunk(offsetof(struct task_record, tid), from);

	/* thread_pid->numbers[our level]; "current" is ourselves, reading. */
	emit_call(p, BPF_FUNC_get_current_task);
	emit_follow(p, BPF_REG_8, BPF_REG_0, m->walk->thread_pid);
	emit_read(p, tid, 4, BPF_REG_8, m->walk->level);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_8, BPF_REG_10, tid, 0);
	emit(p, BPF_ALU64 | BPF_MUL | BPF_K, BPF_REG_8, 0, 0, m->walk->upid_size);
	emit_follow(p, BPF_REG_1, BPF_REG_7, m->walk->thread_pid);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_8, BPF_REG_1, 0, 0);
	emit_read(p, tid, 4, BPF_REG_8, m->walk->numbers);
	emit_call(p, BPF_FUNC_ktime_get_ns);
	emit(p, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_0,
		in_chunk(offsetof(struct task_record, monotonic), from), 0);
	emit_call(p, BPF_FUNC_ktime_get_boot_ns);
	emit(p, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_0,
		in_chunk(offsetof(struct task_record, boottime), from), 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_7, m->walk->pid, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_7, m->walk->tgid, 0);
	emit(p, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 1, 0);
	emit(p, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0,
		in_chunk(offsetof(struct task_record, leader), from), 1);
}

static void emit_field(const struct making *m, size_t i, size_t from, size_t to)
{
	const struct record_place *place = &m->places[i];
	size_t at = m->fields[i].at, end = at + place->size;
	size_t begin = at > from ? at : from;
	int stack = in_chunk(begin, from);

	if (end > to)
		end = to;
	if (begin >= end)
		return;
	emit_read(m->p, stack, (int)(end - begin), BPF_REG_8, (int)(place->off + begin - at));
	if (place->shift) {
		emit(m->p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_10, stack, 0);
		emit(m->p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_1, 0, 0, (int)place->shift);
		emit(m->p, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_1, stack, 0);
	}
}

static void emit_chunk(const struct making *m, size_t from, size_t to)
{
	enum record_base base = BASES;

	for (size_t at = from; at < to; at += 8)
		emit(m->p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, in_chunk(at, from), 0);
	if (!from)
		emit_head(m, from);
	for (size_t i = 0; i < m->n; i++) {
		const struct record_field *f = &m->fields[i];

		if (f->at >= to || f->at + m->places[i].size <= from)
			continue;
		if (base != f->base)
			emit_base(m, f->base);
		base = f->base;
		emit_field(m, i, from, to);
	}
	emit(m->p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_9, 0, 0);
	emit_sum(m->p, BPF_REG_2, BPF_REG_10, STACK_CHUNK);
	emit(m->p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, (int)(to - from));
	emit_call(m->p, BPF_FUNC_seq_write);
}

static void emit_part(const struct making *m, size_t from, size_t to)
{
	for (; from < to; from += CHUNK)
		emit_chunk(m, from, to - from < CHUNK ? to : from + CHUNK);
}

int record_program_make(struct record_program *p, const struct record_walk *walk,
	const struct record_field *fields, const struct record_place *places, size_t n,
	struct err *err)
{
	const struct making m = { p, walk, fields, places, n };
	unsigned int skip[3];

	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_6, 8, 0);
	skip[0] = p->n;
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 0, 0); /* behind the last task */
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_7, walk->ptrace, 0);
	skip[1] = p->n;
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0); /* not traced */
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_9, BPF_REG_6, 0, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_9, BPF_REG_9, 0, 0); /* meta->seq */
	emit_part(&m, 0, THREAD_PART);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_7, walk->pid, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_7, walk->tgid, 0);
	skip[2] = p->n;
	emit(p, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	emit_part(&m, THREAD_PART, sizeof(struct task_record));
	for (int i = 0; i < 3; i++)
		p->insn[skip[i]].off = p->n - skip[i] - 1;
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return p->full ? err_set(err, E2BIG, "the program for records is too long") : 0;
}
