/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pass over the tasks of our pid namespace by a BPF iterator (Linux 5.8): the
 * kernel runs a program of ours for each thread, and what it copies out of the
 * kernel's structures comes out of a file. What to copy is a table; where the
 * members lie is looked up by name in the kernel's own type information.
 */
#ifndef CRL_PROC_TASK_ITER_H
#define CRL_PROC_TASK_ITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct err;
struct proc_buf;

/* Which structure a member is in, seen from the task. */
enum iter_base {
	ITER_TASK,
	ITER_PARENT, /* struct task_struct of the real parent, a thread */
	ITER_TRACER, /* ... of who ptraces it, or of the parent */
	ITER_CRED,
	ITER_GROUPS,
	ITER_FS,
	ITER_SIGNAL,
	ITER_PARENT_SIGNAL,
	ITER_MM,
	ITER_FDT,
	ITER_CLOEXEC, /* the bitmap itself */
	ITER_SIGHAND,
	ITER_BASES
};

/* A member to copy. Those of one base shall follow each other: it is looked up once. */
struct iter_field {
	enum iter_base base;
	const char *type, *path; /* NULL: copy from where the base begins */
	const char *later;	 /* the path in later kernels, or NULL */
	size_t at, size; /* in the record; a shorter member is followed by zeroes */
	unsigned index;	 /* of an array of pointers, with `pid` */
	bool optional;	 /* not in every kernel, or not in this size: then zeroes */
	bool array;	 /* of a length that the type does not tell */
	bool bit;	 /* a bit field: the word that holds it, shifted */
	bool pid;	 /* a pointer to struct pid: its number here, 0 for none */
};

/* Where a member was found; size 0 when it is not there. */
struct iter_place {
	uint32_t off, size, shift;
};

#define ITER_NOWHERE SIZE_MAX

/* Offsets in the record, ITER_NOWHERE for what is not wanted. */
struct iter_shape {
	size_t size;
	size_t leader_part;	    /* from here on it is written for leaders only */
	size_t tid;		    /* uint32_t, in our pid namespace */
	size_t leader;		    /* uint32_t: 1 for a leader */
	size_t monotonic, boottime; /* uint64_t, nanoseconds */
	bool traced;		    /* pass over who is not traced */
};

/*
 * Load the program, which every read of the link then runs. `places` has n entries
 * and is filled. A descriptor, owned by the caller, or a negative errno: -ENOENT (no
 * such member), -EOPNOTSUPP (of another size), -EPERM (CAP_BPF and CAP_PERFMON are
 * needed), or what bpf(2) said.
 */
int task_iter_open(const struct btf *btf, const struct iter_shape *shape,
	const struct iter_field *fields, struct iter_place *places, size_t n,
	struct err *err);

/* One pass: the records come to `out`, by ascending tid. */
int task_iter_read(int link, struct proc_buf *out, struct err *err);

#endif
