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
 * r9: meta->seq. On the stack, from the top: the chunk, a word for pointers, and
 * our level of pid namespaces.
 */
#include <errno.h>

#include "crl/err.h"
#include "task-iter-program.h"

#define CHUNK	      384
#define STACK_CHUNK   (-CHUNK)
#define STACK_SCRATCH (STACK_CHUNK - 8)
#define STACK_LEVEL   (STACK_SCRATCH - 8)

struct making {
	struct iter_program *p;
	const struct iter_walk *walk;
	const struct iter_shape *shape;
	const struct iter_field *fields;
	const struct iter_place *places;
	size_t n;
};

static void emit(struct iter_program *p, int code, int dst, int src, int off, int imm)
{
	if (p->n == ITER_INSN_MAX) {
		p->full = true;
		return;
	}
	p->insn[p->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

static void emit_call(struct iter_program *p, int function)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

/* dst = src + imm, all 64 bits. */
static void emit_sum(struct iter_program *p, int dst, int src, int imm)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}

/* Copy from the kernel, at the address in `reg` + off, to the stack. */
static void emit_read(struct iter_program *p, int stack, int size, int reg, int off)
{
	emit_sum(p, BPF_REG_3, reg, off);
	emit_sum(p, BPF_REG_1, BPF_REG_10, stack);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, size);
	emit_call(p, BPF_FUNC_probe_read_kernel);
}

/* reg = the pointer at the address in `from` + off. */
static void emit_follow(struct iter_program *p, int reg, int from, int off)
{
	emit_read(p, STACK_SCRATCH, 8, from, off);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, reg, BPF_REG_10, STACK_SCRATCH, 0);
}

/* r8 = the structure. */
static void emit_base(const struct making *m, enum iter_base base)
{
	const struct iter_walk *w = m->walk;
	struct iter_program *p = m->p;

	switch (base) {
	case ITER_TASK:
	case ITER_BASES:
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_8, BPF_REG_7, 0, 0);
		break;
	case ITER_PARENT:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->real_parent);
		break;
	case ITER_TRACER:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->parent);
		break;
	case ITER_CRED:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->cred);
		break;
	case ITER_GROUPS:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->cred);
		emit_follow(p, BPF_REG_8, BPF_REG_8, w->group_info);
		break;
	case ITER_FS:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->fs);
		break;
	case ITER_SIGNAL:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->signal);
		break;
	case ITER_PARENT_SIGNAL:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->real_parent);
		emit_follow(p, BPF_REG_8, BPF_REG_8, w->signal);
		break;
	case ITER_MM:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->mm);
		break;
	case ITER_FDT:
	case ITER_CLOEXEC:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->files);
		emit_follow(p, BPF_REG_8, BPF_REG_8, w->fdt);
		if (base == ITER_CLOEXEC)
			emit_follow(p, BPF_REG_8, BPF_REG_8, w->close_on_exec);
		break;
	case ITER_SIGHAND:
		emit_follow(p, BPF_REG_8, BPF_REG_7, w->sighand);
		break;
	}
}

static int in_chunk(size_t at, size_t from)
{
	return STACK_CHUNK + (int)(at - from);
}

/*
 * The number that the struct pid at r1 has for us, to the stack: its entry of our
 * level. One of a lower level has none. Changes r1 to r5.
 */
static void emit_number(const struct making *m, int stack)
{
	struct iter_program *p = m->p;
	unsigned int skip;

	emit(p, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_1, STACK_SCRATCH, 0);
	emit_read(p, stack, 4, BPF_REG_1, m->walk->level);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_10, stack, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_2, BPF_REG_10, STACK_LEVEL, 0);
	emit(p, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, stack, 0);
	skip = p->n;
	emit(p, BPF_JMP | BPF_JLT | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	emit(p, BPF_ALU64 | BPF_MUL | BPF_K, BPF_REG_2, 0, 0, m->walk->upid_size);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_1, BPF_REG_10, STACK_SCRATCH, 0);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	emit_read(p, stack, 4, BPF_REG_1, m->walk->numbers);
	if (!p->full)
		p->insn[skip].off = p->n - skip - 1;
}

/* Our level is that of "current": ourselves, reading. */
static void emit_level(const struct making *m)
{
	struct iter_program *p = m->p;

	emit_call(p, BPF_FUNC_get_current_task);
	emit_follow(p, BPF_REG_1, BPF_REG_0, m->walk->thread_pid);
	emit(p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, STACK_LEVEL, 0);
	emit_read(p, STACK_LEVEL, 4, BPF_REG_1, m->walk->level);
}

static void emit_time(const struct making *m, int function, size_t at, size_t from)
{
	if (at == ITER_NOWHERE)
		return;
	emit_call(m->p, function);
	emit(m->p, BPF_STX | BPF_MEM | BPF_DW, BPF_REG_10, BPF_REG_0, in_chunk(at, from),
		0);
}

/* Jump over what is for leaders only; returns the place of the jump. */
static unsigned int emit_unless_leader(const struct making *m)
{
	struct iter_program *p = m->p;

	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_7, m->walk->pid, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_7, m->walk->tgid, 0);
	emit(p, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	return p->n - 1;
}

/* What of the record is not a copied member; all of it lies in the first chunk. */
static void emit_head(const struct making *m, size_t from)
{
	struct iter_program *p = m->p;
	unsigned int skip;

	emit_level(m);
	emit_follow(p, BPF_REG_1, BPF_REG_7, m->walk->thread_pid);
	emit_number(m, in_chunk(m->shape->tid, from));
	emit_time(m, BPF_FUNC_ktime_get_ns, m->shape->monotonic, from);
	emit_time(m, BPF_FUNC_ktime_get_boot_ns, m->shape->boottime, from);
	if (m->shape->leader == ITER_NOWHERE)
		return;
	skip = emit_unless_leader(m);
	emit(p, BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, in_chunk(m->shape->leader, from),
		1);
	p->insn[skip].off = p->n - skip - 1;
}

static void emit_field(const struct making *m, size_t i, size_t from, size_t to)
{
	const struct iter_place *place = &m->places[i];
	size_t at = m->fields[i].at, end = at + place->size;
	size_t begin = at > from ? at : from;
	int stack = in_chunk(begin, from);

	if (end > to)
		end = to;
	if (begin >= end)
		return;
	if (m->fields[i].pid) {
		emit_follow(m->p, BPF_REG_1, BPF_REG_8, (int)place->off);
		emit_number(m, stack);
		return;
	}
	emit_read(m->p, stack, (int)(end - begin), BPF_REG_8,
		(int)(place->off + begin - at));
	if (place->shift) {
		emit(m->p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_10, stack, 0);
		emit(m->p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_1, 0, 0,
			(int)place->shift);
		emit(m->p, BPF_STX | BPF_MEM | BPF_W, BPF_REG_10, BPF_REG_1, stack, 0);
	}
}

static void emit_chunk(const struct making *m, size_t from, size_t to)
{
	enum iter_base base = ITER_BASES;

	for (size_t at = from; at < to; at += 8)
		emit(m->p, BPF_ST | BPF_MEM | BPF_DW, BPF_REG_10, 0, in_chunk(at, from),
			0);
	if (!from)
		emit_head(m, from);
	for (size_t i = 0; i < m->n; i++) {
		const struct iter_field *f = &m->fields[i];

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

int iter_program_make(struct iter_program *p, const struct iter_walk *walk,
	const struct iter_shape *shape, const struct iter_field *fields,
	const struct iter_place *places, size_t n, struct err *err)
{
	const struct making m = { p, walk, shape, fields, places, n };
	unsigned int skip[3], skips = 0;

	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_7, BPF_REG_6, 8, 0);
	skip[skips++] = p->n;
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_7, 0, 0, 0); /* behind the last task */
	if (shape->traced) {
		emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_1, BPF_REG_7, walk->ptrace, 0);
		skip[skips++] = p->n;
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0);
	}
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_9, BPF_REG_6, 0, 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_DW, BPF_REG_9, BPF_REG_9, 0, 0); /* meta->seq */
	emit_part(&m, 0, shape->leader_part);
	if (shape->leader_part < shape->size) {
		skip[skips++] = emit_unless_leader(&m);
		emit_part(&m, shape->leader_part, shape->size);
	}
	for (unsigned int i = 0; i < skips; i++)
		p->insn[skip[i]].off = p->n - skip[i] - 1;
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	return p->full ? err_set(err, E2BIG, "the program of an iterator is too long")
		       : 0;
}
