/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel holds of every traced thread, in one pass.
 *
 * procfs shows a task as some ten texts, and a good part of it not at all: that
 * only the thread itself can tell, system call by system call. A BPF iterator
 * over tasks (Linux 5.8; CAP_BPF and CAP_PERFMON, type information in the
 * kernel) copies the same members out of the kernel's own structures, a few
 * microseconds a thread. It can read, and nothing else.
 */
#ifndef CRL_PROC_RECORDS_H
#define CRL_PROC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

#define RECORD_GROUPS  32
#define RECORD_CLOEXEC 8
#define RECORD_LIMITS  16
#define RECORD_ACTIONS 64
#define RECORD_BLOCK   128

/*
 * One thread. Pointers are kernel addresses: equal ones are the same object.
 * The times are the host's, whatever time namespace we are in.
 */
struct task_record {
	uint64_t monotonic, boottime; /* ns, when it was read */
	uint32_t tid;		      /* in our pid namespace */
	uint32_t leader;	      /* 1: what is below `limit` is there too */
	uint64_t altstack, altstack_size;
	uint64_t clear_child_tid, timer_slack;
	uint64_t atomic_flags; /* bit 0: no new privileges */
	uint64_t pending, blocked;
	uint64_t mm, files, fs, sighand, nsproxy, user_ns;
	uint64_t cgroups; /* the set of one cgroup a hierarchy */
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	uint32_t altstack_flags, pdeath_signal;
	uint32_t personality, seccomp_mode;
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint32_t securebits, loginuid;
	uint32_t umask, n_groups;
	uint64_t tls[3];		/* x86: descriptors of set_thread_area(2) */
	uint32_t groups[RECORD_GROUPS]; /* the first ones */
	char comm[16];
	uint8_t restart[RECORD_BLOCK]; /* struct restart_block */

	struct {
		uint64_t soft, hard;
	} limit[RECORD_LIMITS];
	uint64_t shared_pending;
	uint64_t posix_timers; /* 0: the process has none */
	uint64_t cpu_timer[4]; /* ITIMER_VIRTUAL and ITIMER_PROF: 0 when off */
	uint64_t real_interval;
	uint64_t mm_flags, brk;
	uint64_t cloexec[RECORD_CLOEXEC];
	uint32_t max_fds;     /* cloexec tells of no more than these */
	uint32_t real_queued; /* ITIMER_REAL is running */
	uint32_t subreaper, membarrier;
	uint32_t oom_score_adj, fill;
	struct {
		uint64_t handler, flags, restorer, mask;
	} action[RECORD_ACTIONS];
};

struct task_records;

/*
 * Read the records of all threads in our pid namespace that are traced now, by
 * anybody. *out goes to task_records_free. A negative errno, with the reason in
 * *err, when this kernel or user cannot: -ENOENT (no type information, or a member
 * of the list is not in it), -EPERM (CAP_BPF and CAP_PERFMON are needed), or what
 * bpf(2) said.
 */
int task_records_read(struct task_records **out, struct err *err);
void task_records_free(struct task_records *records);

/* NULL for a thread that was not traced. */
const struct task_record *task_records_find(
	const struct task_records *records, pid_t tid);

/*
 * Does the running kernel show that member (offsetof in struct task_record)? Only
 * posix_timers, real_queued, loginuid, membarrier and tls may be missing; they are zero
 * then.
 */
bool task_records_have(const struct task_records *records, size_t member);

/* Offsets in task_record.restart. */
struct restart_layout {
	long first; /* uaddr of futex, ufds of poll */
	long futex_flags, futex_time;
	long clockid, expires;
	long has_timeout, tv_sec, tv_nsec;
};

struct records_info {
	struct restart_layout restart;
	uint64_t realtime, tai; /* ns, when the records were read */
};

const struct records_info *task_records_info(const struct task_records *records);

#endif
