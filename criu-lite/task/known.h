/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of the threads of a tree without asking them: the kernel's
 * records (crl/proc/records.h), read once for all. See known.c.
 */
#ifndef CRL_TASK_KNOWN_H
#define CRL_TASK_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

struct batch;
struct dump_thread;
struct err;
struct frozen_tree;
struct log;
struct proc_status;
struct task_records;

/* How threads are asked. */
enum inspect {
	INSPECT_AUTO,  /* as is faster for the size of the tree */
	INSPECT_VISIT, /* each by a visit, records only for what no visit can tell */
	INSPECT_BPF,   /* records, and a visit where they do not suffice */
};

struct known {
	const struct log *log;
	bool asked;		      /* records were read, or could not be */
	struct task_records *records; /* NULL: there are none */
	bool complete;		      /* every live task of the tree has one */
};

/*
 * Begin: with INSPECT_BPF, or when the tree is large, the records are read now.
 * An error only with INSPECT_BPF, when they cannot be had.
 */
int known_init(struct known *k, const struct frozen_tree *tree, enum inspect how,
	const struct log *log, struct err *err);
void known_deinit(struct known *k);

/* The records, read now if they were not yet; NULL where they cannot be had. */
const struct task_records *known_records(struct known *k);

/* t->status out of the thread's record; false when that does not tell all of it. */
bool known_status(struct dump_thread *t);

/* True when it is known that the process has no POSIX timers. */
bool known_no_timers(const struct dump_thread *t);

/* True when it is known that the thread has no descriptors of set_thread_area(2). */
bool known_no_tls(const struct dump_thread *t);

/* As the files of procfs of these names say. */
struct known_files {
	int oom_score_adj;
	bool has_loginuid;
	uint32_t loginuid, coredump_filter;
};

/* False when they have to be read. */
bool known_small_files(const struct dump_thread *t, struct known_files *files);

/*
 * Fill in what the calls of a batch would answer. False, and nothing to rely on,
 * when one of them has to be made by the thread.
 */
bool known_answers(const struct dump_thread *t, struct batch *b);

#endif
