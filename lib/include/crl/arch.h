/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What depends on the processor: registers of a stopped thread, and the stub
 * that runs system calls inside it. One directory below lib/arch implements it.
 */
#ifndef CRL_ARCH_H
#define CRL_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct err;

struct arch_regs {
	struct user_regs_struct gp;
};

/* Room for the largest xstate that processors have today (AMX tiles included). */
#define ARCH_XSTATE_MAX 16384

struct arch_xstate {
	size_t size; /* bytes that the kernel gave */
	uint8_t data[ARCH_XSTATE_MAX] __attribute__((aligned(64)));
};

/* The thread must be in a ptrace-stop of the caller's. */
int arch_regs_get(pid_t tid, struct arch_regs *regs, struct err *err);
int arch_regs_set(pid_t tid, const struct arch_regs *regs, struct err *err);
int arch_xstate_get(pid_t tid, struct arch_xstate *xs, struct err *err);
int arch_xstate_set(pid_t tid, const struct arch_xstate *xs, struct err *err);

/* True for a thread that runs 64-bit code of this architecture. */
bool arch_regs_native(const struct arch_regs *regs);

uint64_t arch_regs_ip(const struct arch_regs *regs);
uint64_t arch_regs_sp(const struct arch_regs *regs);
void arch_regs_set_ip(struct arch_regs *regs, uint64_t ip);

/* Number of the system call the thread was stopped in, or -1; and its result so far. */
long arch_syscall_nr(const struct arch_regs *regs);
long arch_syscall_ret(const struct arch_regs *regs);
uint64_t arch_syscall_arg(const struct arch_regs *regs, int i);

/*
 * Turn registers of a thread stopped in a system call that the kernel would
 * restart on its own into registers that restart it: the ip goes back to the
 * instruction. `restart_block` is the number to use where the kernel says
 * "go on through restart_syscall". Nothing happens for other registers.
 */
void arch_regs_rewind(struct arch_regs *regs, long restart_block);

/* Make the system call that ended with -EINTR start again. */
void arch_regs_repeat(struct arch_regs *regs);

/* Registers that execute one system call at `ip` (an instruction found there). */
void arch_regs_syscall(
	struct arch_regs *regs, uint64_t ip, long nr, const uint64_t arg[6]);

/* The bytes of the system call instruction. */
extern const uint8_t arch_syscall_insn[2];

/*
 * In the place of a system call's number in a batch: set the flags register to
 * the first argument. ptrace cannot set all of it (the ID flag). Only for puppets.
 */
#define ARCH_SET_FLAGS 0x10000

/* The stub's code; position independent. */
size_t arch_stub_size(void);
const void *arch_stub_code(void);

/* Offset of a system call instruction in it that may be used by itself. */
size_t arch_stub_syscall(void);

/*
 * Fill the part of the stub that continues the thread when nobody traces it any
 * more: registers as found (rewound), signal mask, the mask while the
 * stub runs, size of the scratch memory.
 * Returns its offset from the stub's start; *len is its length.
 */
size_t arch_stub_tail(const struct arch_regs *found, uint64_t sigmask, uint64_t work_mask,
	size_t scratch, void *tail, size_t *len);
#define ARCH_STUB_TAIL_MAX 256

/* Registers that enter the stub at `stub`; its tail must be in place. It tells the tracer
 * by `signo`. */
void arch_stub_open(
	struct arch_regs *regs, uint64_t stub, pid_t tgid, pid_t tid, int signo);

/* Registers that run the batch at `batch`; `again`: stop and run on, never leave. */
void arch_stub_run(struct arch_regs *regs, uint64_t stub, uint64_t batch, bool again,
	pid_t tgid, pid_t tid, int signo);

/* Where the scratch memory is, at the first stop after arch_stub_open(); a value above
 * -4096 is -errno. */
uint64_t arch_stub_scratch(const struct arch_regs *regs);

#endif
