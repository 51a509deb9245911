/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program of a task iterator (task-iter-program.c), for task-iter.c alone. */
#ifndef CRL_PROC_TASK_ITER_PROGRAM_H
#define CRL_PROC_TASK_ITER_PROGRAM_H

#include <linux/bpf.h>

#include "crl/proc/task-iter.h"

#define ITER_INSN_MAX 2048

/* The way to the structures: offsets of members, in bytes. */
struct iter_walk {
	long iter; /* number of the function that the iterator calls */
	long ptrace, pid, tgid;
	long thread_pid, level, numbers, upid_size;
	long real_parent, parent;
	long cred, signal, sighand, mm, fs, files;
	long group_info, fdt, close_on_exec;
};

struct iter_program {
	struct bpf_insn insn[ITER_INSN_MAX];
	unsigned int n;
	bool full;
};

int iter_program_make(struct iter_program *p, const struct iter_walk *walk,
	const struct iter_shape *shape, const struct iter_field *fields,
	const struct iter_place *places, size_t n, struct err *err);

#endif
