/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a task carries, attribute by attribute. Each attribute is one file that
 * ends in one const struct task_ops, and one row in the table of table.c.
 *
 * A dump walks the table three times for each thread: `ask` adds system calls
 * to a batch that the thread makes itself, `take` reads what they answered and
 * what can be read from outside, and writes it into the thread's core message.
 * A restore walks it once, in the same order: `restore` adds the calls that
 * the new thread makes, or acts on it from outside.
 */
#ifndef CRL_TASK_TASK_H
#define CRL_TASK_TASK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crl/arch.h"
#include "crl/proc/file.h"
#include "crl/proc/stat.h"
#include "crl/proc/status.h"
#include "proto/core.pb-c.h"
#include "proto/seccomp.pb-c.h"

struct arena;
struct batch;
struct err;
struct known;
struct log;
struct obstacles;
struct puppet;
struct seccomp_table;
struct task_record;
struct xstate_layout;

/* A live task that is being dumped. */
struct dump_task {
	pid_t pid;
	int proc; /* directory /proc/PID */
	struct proc_stat stat;
	struct proc_buf *buf; /* scratch for readers */
	struct arena *arena;  /* messages of this task */
	struct obstacles *obstacles;
	const struct log *log;
	struct seccomp_table *seccomp; /* filters of the whole tree */
	const struct xstate_layout *layout;
	struct known *known; /* what is known without asking; NULL for a zombie */
	const struct task_record *record; /* of the leader, or NULL */
	uint64_t brk;			  /* asked by mem/mm.c */
	int dumpable, thp_disabled;
};

/* One thread of it, stopped under ptrace. */
struct dump_thread {
	struct dump_task *task;
	pid_t tid;
	bool leader;
	const struct task_record *record; /* the thread's, or NULL */
	struct proc_status
		status; /* the thread's own; signal actions only where it is visited */
	struct arch_regs regs; /* as found */
	uint64_t sigmask;
	struct {
		uint64_t area; /* 0: none is registered */
		uint32_t size, signature;
	} rseq;
	CoreEntry *core; /* being filled; core->tc only for the leader */
};

/* A thread that is being made. */
struct restore_thread {
	pid_t pid, tid;
	bool leader;
	const CoreEntry *core;
	const CoreEntry *leader_core;
	const SeccompEntry *seccomp;
	const struct proc_status *own; /* of crl itself: what a new task begins with */
	struct puppet *p;
	const struct log *log;
};

enum task_scope {
	TASK_THREAD, /* every thread has its own */
	TASK_WHOLE,  /* one for the task; the leader's turn */
};

struct task_ops {
	const char *name;
	enum task_scope scope;
	int (*ask)(struct dump_thread *t, struct batch *b, struct err *err);
	int (*take)(struct dump_thread *t, const struct batch *b, unsigned first,
		struct err *err);
	int (*restore)(struct restore_thread *t, struct err *err);
	/* Judge the message of an image before a process exists. */
	int (*verify)(const CoreEntry *core, bool leader, struct err *err);
	/* Can this kernel and user carry it? Answers as feature.h says; NULL: any can. */
	int (*check)(struct err *err);
};

extern const struct task_ops *const task_table[];
extern const unsigned task_table_size;

/* Walk the table for one thread. `first` has room for task_table_size entries. */
int task_ask(struct dump_thread *t, struct batch *b, unsigned *first, struct err *err);
int task_take(struct dump_thread *t, const struct batch *b, const unsigned *first,
	struct err *err);
int task_restore(struct restore_thread *t, struct err *err);
int task_verify(const CoreEntry *core, bool leader, struct err *err);

#endif
