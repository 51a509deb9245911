// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread spins with known values in the 32 zmm and the 8 opmask registers.
 */
#include "task.h"
#include "zdtm.h"

#include <string.h>

static uint8_t zmm_in[32][64], zmm_out[32][64];
static uint64_t k_in[8], k_out[8];
static uint64_t stop;

#define ALL_K	".irp n,0,1,2,3,4,5,6,7\n"
#define ALL_ZMM LOW_ZMM ",16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
#define LOW_ZMM ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"

__attribute__((target("avx512f,avx512bw"))) static void *hold(void *arg)
{
	pthread_barrier_wait(arg);
	// clang-format off
	asm volatile(ALL_ZMM " vmovdqu64 64*\\n(%[zin]), %%zmm\\n\n .endr\n"
		     ALL_K " kmovq 8*\\n(%[kin]), %%k\\n\n .endr\n"
		     "1: pause\n cmpq $0, %[stop]\n je 1b\n"
		     ALL_ZMM " vmovdqu64 %%zmm\\n, 64*\\n(%[zout])\n .endr\n"
		     ALL_K " kmovq %%k\\n, 8*\\n(%[kout])\n .endr\n"
		     "vzeroall\n"
		     :
		     : [zin] "r"(zmm_in), [zout] "r"(zmm_out), [kin] "r"(k_in),
		       [kout] "r"(k_out), [stop] "m"(stop)
		     : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
		       "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
		       "xmm14", "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
		       "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",
		       "xmm28", "xmm29", "xmm30", "xmm31",
		       "k1", "k2", "k3", "k4", "k5", "k6", "k7");
	// clang-format on
	return arg;
}

int main(int argc, char **argv)
{
	pthread_barrier_t ready;
	pthread_t thread;

	test_init(argc, argv);
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw"))
		return test_skip("the processor has no AVX-512 F and BW");
	fill_pattern(zmm_in, sizeof(zmm_in), 5);
	fill_pattern(k_in, sizeof(k_in), 6);
	pthread_barrier_init(&ready, NULL, 2);
	thread = test_thread(hold, &ready);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	test_thread_end(thread);
	sabotage("upper", memset(zmm_out[3] + 32, 0, 32));
	sabotage("high", memset(zmm_out[31], 0, 64));
	sabotage("opmask", k_out[7] ^= 1ULL << 63);
	for (int i = 0; i < 32; i++)
		if (memcmp(zmm_in[i], zmm_out[i], 64))
			return fail("zmm%d is not as it was", i);
	for (int i = 0; i < 8; i++)
		if (k_in[i] != k_out[i])
			return fail("k%d is %#lx, was %#lx", i, k_out[i], k_in[i]);
	pass();
	return 0;
}
