/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_TASK_RESTART_BLOCK_H
#define CRL_TASK_RESTART_BLOCK_H

#include <stdint.h>
#include <sys/types.h>

struct arch_regs;
struct err;
struct restart_reader;

/* What remains of a wait without an end, as of poll(2) with timeout -1. */
#define RESTART_FOREVER UINT64_MAX

/*
 * Look at the waits of all threads in our pid namespace that are traced now; to
 * be called when those of interest have stopped. *reader goes to
 * restart_reader_close. A negative errno, with the reason in *err, when this
 * kernel or user cannot: -ENOENT (no type information), -EPERM (CAP_BPF and
 * CAP_PERFMON are needed), or what bpf(2) said.
 */
int restart_reader_open(struct restart_reader **reader, struct err *err);
void restart_reader_close(struct restart_reader *reader);

/*
 * The wait of a thread that was stopped with -ERESTART_RESTARTBLOCK, given its
 * registers as found: *nr is the system call that waits (SYS_nanosleep,
 * SYS_clock_nanosleep, SYS_poll or SYS_futex, also when the thread was stopped
 * in restart_syscall(2) itself; its arguments are still in the registers), *ns
 * what remained of it in nanoseconds when the reader was opened.
 *
 * Without a reader (NULL) only what the registers tell is known. -ESRCH for a
 * thread that was not traced then, -EOPNOTSUPP where there is no answer.
 */
int restart_reader_rest(const struct restart_reader *reader, pid_t tid,
	const struct arch_regs *regs, long *nr, uint64_t *ns);

/* The same for a single thread, with a reader of its own if one is needed. */
int restart_block_rest(pid_t tid, const struct arch_regs *regs, long *nr, uint64_t *ns);

#endif
