/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * void spin_avx(struct registers *r, uint64_t turns); and the same with SSE.
 *
 * Loads all general registers but rsp, and vector registers 0 to 14, counts each
 * up by one (the vectors by r->one, in register 15) as often as `turns` says, and
 * stores them. Meanwhile the red zone below the stack has words of our own, and
 * nothing is in memory but the turns left, at (rsp), and r, at 8(rsp).
 */
#define GENERAL	 0
#define LAST	 112 /* of the general ones: rdi, which points to them before and after */
#define VECTOR	 120
#define ONE	 600
#define RED_ZONE 632

	.macro general instruction
	.set	at, GENERAL
	.irp	reg, rax, rbx, rcx, rdx, rsi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	\instruction \reg
	.set	at, at + 8
	.endr
	.endm

	.macro vectors instruction
	.set	at, VECTOR
	.irp	i, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
	\instruction \i
	.set	at, at + 32
	.endr
	.endm

	.macro load reg
	mov	at(%rdi), %\reg
	.endm
	.macro store reg
	mov	%\reg, at(%rdi)
	.endm
	.macro count reg
	inc	%\reg
	.endm
	.macro load_avx i
	vmovdqu	at(%rdi), %ymm\i
	.endm
	.macro store_avx i
	vmovdqu	%ymm\i, at(%rdi)
	.endm
	.macro count_avx i
	vpaddq	%ymm15, %ymm\i, %ymm\i
	.endm
	.macro load_sse i
	movdqu	at(%rdi), %xmm\i
	.endm
	.macro store_sse i
	movdqu	%xmm\i, at(%rdi)
	.endm
	.macro count_sse i
	paddq	%xmm15, %xmm\i
	.endm

	.macro spin unit
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	push	%rsi
	vectors	load_\unit
	.set	at, ONE
	load_\unit 15
	mov	$-15, %rax
1:	mov	%rax, (%rsp,%rax,8)
	inc	%rax
	jnz	1b
	general	load
	mov	LAST(%rdi), %rdi
2:	general	count
	inc	%rdi
	vectors	count_\unit
	decq	(%rsp)
	jnz	2b
	xchg	%rdi, 8(%rsp)
	general	store
	vectors	store_\unit
	mov	8(%rsp), %rax
	mov	%rax, LAST(%rdi)
	mov	$-15, %rax
3:	cmp	%rax, (%rsp,%rax,8)
	je	4f
	incq	RED_ZONE(%rdi)
4:	inc	%rax
	jnz	3b
	add	$16, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.endm

	.text
	.globl	spin_avx, spin_sse
spin_avx:
	spin	avx
spin_sse:
	spin	sse
	.section .note.GNU-stack, "", @progbits
