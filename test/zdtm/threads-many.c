// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fifty threads, each blocked in a futex with its own thread-local counter,
 * its own stack, its own id, and its own values in the registers that a system
 * call leaves alone.
 */
#include "task.h"
#include "zdtm.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 50

static __thread uint64_t counter;
static uint32_t go;
static pthread_barrier_t ready;
static pid_t tids[THREADS];

/* Sleeps once while *word is 0; false when a register comes back changed. */
static bool sleep_keeping(uint32_t *word, uint64_t seed)
{
	register uint64_t b asm("rbx") = seed, r12 asm("r12") = seed * 3;
	register uint64_t r13 asm("r13") = seed * 5, r14 asm("r14") = seed * 7;
	register uint64_t r15 asm("r15") = ~seed, r10 asm("r10") = 0;
	register uint64_t r8 asm("r8") = seed * 11, r9 asm("r9") = seed * 13;
	uint64_t rax = SYS_futex, rdx = 0;

	asm volatile("syscall"
		     : "+r"(b), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15), "+r"(r8),
		     "+r"(r9), "+a"(rax), "+d"(rdx), "+r"(r10)
		     : "D"(word), "S"((uint64_t)FUTEX_WAIT_PRIVATE)
		     : "rcx", "r11", "memory", "cc");
	return b == seed && r12 == seed * 3 && r13 == seed * 5 && r14 == seed * 7 &&
	       r15 == ~seed && r8 == seed * 11 && r9 == seed * 13 && rdx == 0 && r10 == 0;
}

static void *hold(void *arg)
{
	int i = (intptr_t)arg;
	volatile uint64_t on_stack[64];
	bool kept = true;

	tids[i] = gettid();
	counter = 1000 + i;
	fill_pattern((void *)on_stack, sizeof(on_stack), i);
	pthread_barrier_wait(&ready);
	while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
		kept &= sleep_keeping(&go, 0x9e3779b97f4a7c15ULL * (i + 1));
	sabotage("tls", counter += i == 17);
	sabotage("register", kept &= i != 33);
	sabotage("tid", tids[i] += i == 3);
	if (!kept || counter != (uint64_t)1000 + i || tids[i] != gettid() ||
		!check_pattern((void *)on_stack, sizeof(on_stack), i))
		return NULL;
	return &tids[i];
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int bad = -1;

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, THREADS + 1);
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = test_thread(hold, (void *)i);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &go, FUTEX_WAKE_PRIVATE, THREADS, NULL, NULL, 0);
	for (int i = 0; i < THREADS; i++)
		if (!test_thread_end(threads[i]))
			bad = i;
	if (bad >= 0)
		return fail("thread %d has other registers, counter, stack or id", bad);
	pass();
	return 0;
}
