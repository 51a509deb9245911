// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread spins with the x87 stack and the sixteen xmm registers full of
 * known values, control, status and tag words not at their defaults.
 */
#include "task.h"
#include "zdtm.h"

#include <stdio.h>
#include <string.h>

struct fx {
	uint16_t fcw, fsw;
	uint8_t ftw, zero;
	uint16_t fop;
	uint64_t fip, fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
	uint8_t xmm[16][16];
	uint8_t unused[96];
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct fx) == 512, "the layout that fxsave writes");

static struct fx in, out;
static uint64_t stop;

static void *hold(void *arg)
{
	static const uint32_t mxcsr = 0x1f80;

	pthread_barrier_wait(arg);
	asm volatile("fxrstor64 %[in]\n"
		     "1: pause\n cmpq $0, %[stop]\n je 1b\n"
		     "fxsave64 %[out]\n"
		     "fninit\n ldmxcsr %[mxcsr]\n"
		     : [out] "=m"(out)
		     : [in] "m"(in), [stop] "m"(stop), [mxcsr] "m"(mxcsr)
		     : "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
		     "st(6)", "st(7)", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		     "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		     "xmm14", "xmm15");
	return arg;
}

static void fill(void)
{
	in.fcw = 0x0f7f; /* every exception masked, double extended, round to zero */
	in.fsw = 0x6d00; /* top of stack 5, condition codes C0, C2, C3 */
	in.ftw = 0xbd;	 /* registers 1 and 6 empty */
	in.mxcsr = 0x7f80 | 0x21;
	for (int i = 0; i < 8; i++)
		fill_pattern(in.st[i], 10, 100 + i);
	fill_pattern(in.xmm, sizeof(in.xmm), 7);
}

int main(int argc, char **argv)
{
	pthread_barrier_t ready;
	pthread_t thread;

	test_init(argc, argv);
	fill();
	pthread_barrier_init(&ready, NULL, 2);
	thread = test_thread(hold, &ready);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	test_thread_end(thread);
	sabotage("st3", out.st[3][9] ^= 1);
	sabotage("xmm15", out.xmm[15][15] ^= 1);
	sabotage("tags", out.ftw ^= 0x40);
	if (out.fcw != in.fcw || out.fsw != in.fsw || out.ftw != in.ftw ||
		out.mxcsr != in.mxcsr)
		return fail("fcw %x fsw %x ftw %x mxcsr %x, were %x %x %x %x", out.fcw,
			out.fsw, out.ftw, out.mxcsr, in.fcw, in.fsw, in.ftw, in.mxcsr);
	for (int i = 0; i < 8; i++)
		if (memcmp(in.st[i], out.st[i], 10))
			return fail("st(%d) is not as it was", i);
	for (int i = 0; i < 16; i++)
		if (memcmp(in.xmm[i], out.xmm[i], 16))
			return fail("xmm%d is not as it was", i);
	pass();
	return 0;
}
