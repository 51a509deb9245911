// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread spins with a known value in every general register and known bits
 * in rflags. The loop polls through rcx with mov and jrcxz, neither of which
 * touches a flag; rcx itself must come out with the value that ends the loop.
 */
#include "task.h"
#include "zdtm.h"

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, RFLAGS = 16, SLOTS };

/* Carry, parity, adjust, zero, sign, direction, overflow, alignment check, ID. */
#define FLAGS 0x240cd5UL

extern uint64_t regs_in[SLOTS], regs_out[SLOTS], regs_stop;
void regs_hold(void);
uint64_t regs_in[SLOTS], regs_out[SLOTS], regs_stop;

#define IN(slot)  "regs_in+8*" #slot "(%rip)"
#define OUT(slot) "regs_out+8*" #slot "(%rip)"

// clang-format off
asm(".text\n.globl regs_hold\n.type regs_hold,@function\nregs_hold:\n"
    ".irp r,rbx,rbp,r12,r13,r14,r15\n push %\\r\n .endr\n"
    "mov %rsp, " IN(7) "\n"
    "mov " IN(0) ", %rax\n mov " IN(1) ", %rbx\n mov " IN(3) ", %rdx\n"
    "mov " IN(4) ", %rsi\n mov " IN(5) ", %rdi\n mov " IN(6) ", %rbp\n"
    ".irp n,8,9,10,11,12,13,14,15\n mov regs_in+8*\\n(%rip), %r\\n\n .endr\n"
    "pushq " IN(16) "\n popfq\n"
    "1: pause\n mov regs_stop(%rip), %rcx\n jrcxz 1b\n"
    "mov %rax, " OUT(0) "\n mov %rbx, " OUT(1) "\n mov %rcx, " OUT(2) "\n"
    "mov %rdx, " OUT(3) "\n mov %rsi, " OUT(4) "\n mov %rdi, " OUT(5) "\n"
    "mov %rbp, " OUT(6) "\n mov %rsp, " OUT(7) "\n"
    ".irp n,8,9,10,11,12,13,14,15\n mov %r\\n, regs_out+8*\\n(%rip)\n .endr\n"
    "mov regs_in+8*7(%rip), %rsp\n"
    "pushfq\n popq " OUT(16) "\n pushq $0x202\n popfq\n"
    ".irp r,r15,r14,r13,r12,rbp,rbx\n pop %\\r\n .endr\n"
    "ret\n.size regs_hold,.-regs_hold\n");
// clang-format on

static void *hold(void *arg)
{
	pthread_barrier_wait(arg);
	regs_hold();
	return arg;
}

int main(int argc, char **argv)
{
	static const char *const names[SLOTS] = { "rax", "rbx", "rcx", "rdx", "rsi",
		"rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
		"rflags" };
	const uint64_t settable = 0x240dd5UL;
	pthread_barrier_t ready;
	pthread_t thread;
	uint64_t stop;

	test_init(argc, argv);
	fill_pattern(regs_in, sizeof(regs_in), 1);
	regs_in[RFLAGS] = FLAGS;
	stop = regs_in[RCX];
	pthread_barrier_init(&ready, NULL, 2);
	thread = test_thread(hold, &ready);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	__atomic_store_n(&regs_stop, stop, __ATOMIC_SEQ_CST);
	test_thread_end(thread);
	sabotage("r11", regs_out[11] ^= 1ULL << 63);
	sabotage("direction", regs_out[RFLAGS] &= ~0x400UL);
	for (int i = 0; i < RFLAGS; i++)
		if (regs_out[i] != regs_in[i])
			return fail("%s is %#lx, was %#lx", names[i], regs_out[i],
				regs_in[i]);
	if ((regs_out[RFLAGS] & settable) != FLAGS)
		return fail("rflags is %#lx, was %#lx", regs_out[RFLAGS], FLAGS);
	pass();
	return 0;
}
