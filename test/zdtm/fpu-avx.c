// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread spins with known values in the sixteen ymm registers; another one
 * has only the upper half of two of them in use.
 */
#include "task.h"
#include "zdtm.h"

#include <string.h>

struct set {
	uint8_t in[16][32], out[16][32];
	pthread_barrier_t *ready;
};

static uint64_t stop;

__attribute__((target("avx"))) static void *hold(void *arg)
{
	struct set *set = arg;

	pthread_barrier_wait(set->ready);
	asm volatile(".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
		     " vmovdqu 32*\\n(%[in]), %%ymm\\n\n"
		     ".endr\n"
		     "1: pause\n cmpq $0, %[stop]\n je 1b\n"
		     ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
		     " vmovdqu %%ymm\\n, 32*\\n(%[out])\n"
		     ".endr\n"
		     "vzeroupper\n"
		     :
		     : [in] "r"(set->in), [out] "r"(set->out), [stop] "m"(stop)
		     : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		     "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		     "xmm14", "xmm15");
	return arg;
}

int main(int argc, char **argv)
{
	static struct set full, upper;
	pthread_barrier_t ready;
	pthread_t threads[2];

	test_init(argc, argv);
	if (!__builtin_cpu_supports("avx"))
		return test_skip("the processor has no AVX");
	fill_pattern(full.in, sizeof(full.in), 3);
	fill_pattern(upper.in[4] + 16, 16, 4);
	fill_pattern(upper.in[15] + 16, 16, 15);
	pthread_barrier_init(&ready, NULL, 3);
	full.ready = upper.ready = &ready;
	threads[0] = test_thread(hold, &full);
	threads[1] = test_thread(hold, &upper);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	test_thread_end(threads[0]);
	test_thread_end(threads[1]);
	sabotage("full", memset(full.out[9] + 16, 0, 16));
	sabotage("upper", memset(upper.out[15] + 16, 0, 16));
	for (int i = 0; i < 16; i++)
		if (memcmp(full.in[i], full.out[i], 32) ||
			memcmp(upper.in[i], upper.out[i], 32))
			return fail("ymm%d is not as it was", i);
	pass();
	return 0;
}
