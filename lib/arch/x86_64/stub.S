/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stub: what runs inside another task. It calls no function, uses no
 * stack and touches no vector register, so that everything the task owns but
 * its general registers stays as it is by itself.
 *
 * Registers while it runs (set by arch_stub_open() and arch_stub_run()):
 *	rbx  the batch: an array of { nr + 1, six arguments, result }; 0 ends it
 *	r12  cursor in it
 *	r13  0: leave after this batch; 1: run what is at rbx again
 *	r14  thread group id, r15 thread id, rbp the signal that says "done"
 *
 * The signal is one that the task ignores: with a tracer attached it is a
 * signal-delivery-stop, without one nothing at all. So when the tracer is
 * gone, however it went, the code below runs through to stub_leave, which
 * gives the scratch memory back and continues the task where it was found.
 */
#define ARCH_SET_FLAGS 0x10000	/* as in crl/arch.h */

	.text
	.globl stub_start, stub_call, stub_run, stub_tail, stub_end
	.balign 16

	.macro tell_tracer
	mov	$234, %eax		/* tgkill */
	mov	%r14, %rdi
	mov	%r15, %rsi
	mov	%rbp, %rdx
	syscall
	.endm

stub_start:
	/*
	 * Block all signals but ours. The tracer does that too, before it lets the
	 * thread run; but when it died between the two, ours may be blocked, and
	 * would stay pending.
	 */
	mov	$14, %eax		/* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8) */
	mov	$2, %edi
	lea	tail_work(%rip), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	syscall
	mov	$9, %eax		/* mmap(NULL, size, READ | WRITE, PRIVATE | ANONYMOUS, -1, 0) */
	xor	%edi, %edi
	mov	tail_size(%rip), %rsi
	mov	$3, %edx
	mov	$0x22, %r10d
	mov	$-1, %r8
	xor	%r9d, %r9d
stub_call:
	syscall
	mov	%rax, %rbx
	tell_tracer
	cmp	$-4096, %rbx
	ja	stub_leave		/* no memory: nothing to run, nothing to give back */
stub_run:
	mov	%rbx, %r12
1:	mov	(%r12), %rax
	sub	$1, %rax
	jc	2f
	cmp	$ARCH_SET_FLAGS, %rax
	je	3f
	mov	8(%r12), %rdi
	mov	16(%r12), %rsi
	mov	24(%r12), %rdx
	mov	32(%r12), %r10
	mov	40(%r12), %r8
	mov	48(%r12), %r9
	syscall
	mov	%rax, 56(%r12)
	add	$64, %r12
	jmp	1b
3:	lea	8(%r12), %rsp		/* only in a puppet, which has no stack to lose */
	popfq
	movq	$0, 56(%r12)
	add	$64, %r12
	jmp	1b
2:	tell_tracer
	test	%r13, %r13
	jnz	stub_run
	mov	$11, %eax		/* munmap */
	mov	%rbx, %rdi
	mov	tail_size(%rip), %rsi
	syscall
	tell_tracer
stub_leave:
	lea	tail_flags(%rip), %rsp	/* only read from: the page need not be writable */
	popfq
	mov	tail_sp(%rip), %rsp	/* from here on a signal handler may run as always */
	mov	$14, %eax		/* rt_sigprocmask(SIG_SETMASK, &mask, NULL, 8) */
	mov	$2, %edi
	lea	tail_mask(%rip), %rsi
	mov	$0, %edx
	mov	$8, %r10d
	syscall
	mov	tail_regs+0(%rip), %rax
	mov	tail_regs+8(%rip), %rbx
	mov	tail_regs+16(%rip), %rcx
	mov	tail_regs+24(%rip), %rdx
	mov	tail_regs+32(%rip), %rsi
	mov	tail_regs+40(%rip), %rdi
	mov	tail_regs+48(%rip), %rbp
	mov	tail_regs+56(%rip), %r8
	mov	tail_regs+64(%rip), %r9
	mov	tail_regs+72(%rip), %r10
	mov	tail_regs+80(%rip), %r11
	mov	tail_regs+88(%rip), %r12
	mov	tail_regs+96(%rip), %r13
	mov	tail_regs+104(%rip), %r14
	mov	tail_regs+112(%rip), %r15
	jmp	*tail_ip(%rip)

	.balign 8
stub_tail:				/* struct stub_tail in regs.c */
tail_regs:	.fill 15, 8, 0
tail_ip:	.quad 0
tail_sp:	.quad 0
tail_flags:	.quad 0
tail_mask:	.quad 0
tail_size:	.quad 0
tail_work:	.quad 0
stub_end:
	.section .note.GNU-stack, "", @progbits
