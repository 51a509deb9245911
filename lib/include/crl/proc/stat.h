/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/stat and /proc/PID/task/TID/stat. */
#ifndef CRL_PROC_STAT_H
#define CRL_PROC_STAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct proc_buf;

/* Workqueue threads show more than the 15 characters that others may have. */
#define PROC_COMM_SIZE 64

struct proc_stat {
	pid_t pid, ppid, pgrp, session;
	pid_t tpgid;	/* foreground group of the terminal, -1 without one */
	int32_t tty_nr; /* device number of the controlling terminal, 0: none */
	uint32_t flags; /* PF_* of the kernel */
	char state;	/* R S D T t X Z P I */
	char comm[PROC_COMM_SIZE];
	int32_t nice;
	uint32_t num_threads;
	uint32_t policy, rt_priority;
	int32_t exit_signal; /* what the parent gets; -1 for a thread */
	int32_t exit_code;   /* as wait() would have it */
	uint64_t start_time; /* clock ticks since boot */
	/* Addresses; 0 (the code: 1) for who may not ptrace the task. */
	uint64_t start_code, end_code, start_stack, start_data, end_data, start_brk;
	uint64_t arg_start, arg_end, env_start, env_end;
};

/* text is one whole stat file. */
int stat_parse(const char *text, size_t len, struct proc_stat *out, struct err *err);

/* dirfd: /proc/PID or /proc/PID/task/TID. */
int stat_read(int dirfd, struct proc_buf *buf, struct proc_stat *out, struct err *err);

#endif
