/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program that copies records (records-program.c), for records.c alone. */
#ifndef CRL_PROC_RECORDS_PROGRAM_H
#define CRL_PROC_RECORDS_PROGRAM_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define RECORD_INSN_MAX 2048

/* Which structure a member is in, seen from the task. */
enum record_base {
	BASE_TASK,
	BASE_CRED,
	BASE_GROUPS,
	BASE_FS,
	BASE_SIGNAL,
	BASE_MM,
	BASE_FDT,
	BASE_CLOEXEC,
	BASE_SIGHAND,
	BASES
};

struct record_field {
	enum record_base base;
	const char *type, *path;
	size_t at, size; /* in struct task_record */
	bool optional;	 /* not in every kernel, or not in this size */
	bool array;	 /* of a length that the type does not tell */
	bool bit;	 /* a bit field; the word that holds it is copied, and shifted */
};

/* The member in this kernel; size 0 when it is not there. */
struct record_place {
	uint32_t off, size, shift;
};

/* The way to the structures: offsets of the pointers, in bytes. */
struct record_walk {
	long iter; /* number of the function that the iterator calls */
	long ptrace, pid, tgid;
	long thread_pid, level, numbers, upid_size;
	long base[BASES];
	long group_info, fdt, close_on_exec;
};

struct record_program {
	struct bpf_insn insn[RECORD_INSN_MAX];
	unsigned int n;
	bool full;
};

int record_program_make(struct record_program *p, const struct record_walk *walk,
	const struct record_field *fields, const struct record_place *places, size_t n,
	struct err *err);

#endif
