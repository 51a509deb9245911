/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_RESTART_BLOCK_H
#define CRL_TASK_RESTART_BLOCK_H

#include <stdint.h>
#include <sys/types.h>

struct arch_regs;
struct task_records;

/* What remains of a wait without an end, as of poll(2) with timeout -1. */
#define RESTART_FOREVER UINT64_MAX

/*
 * The wait of a thread that was stopped with -ERESTART_RESTARTBLOCK, given its
 * registers as found: *nr is the system call that waits (SYS_nanosleep,
 * SYS_clock_nanosleep, SYS_poll or SYS_futex, also when the thread was stopped
 * in restart_syscall(2) itself; its arguments are still in the registers), *ns
 * what remained of it in nanoseconds when the records were read.
 *
 * Without records (NULL) only what the registers tell is known. -ESRCH for a
 * thread that was not traced then, -EOPNOTSUPP where there is no answer.
 */
int restart_block_rest(const struct task_records *records, pid_t tid,
	const struct arch_regs *regs, long *nr, uint64_t *ns);

#endif
