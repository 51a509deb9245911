// SPDX-License-Identifier: GPL-2.0-only
/*
 * The restartable sequences area that the C library registers for each thread:
 * the kernel still knows it after a restore, says so when it is registered
 * again, and keeps the processor number in it right as the thread is moved.
 *
 * zdtm: needs=kernel:5.13
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !__has_include(<sys/rseq.h>)
int main(int argc, char **argv)
{
	return test_skip("built against a C library that does not register rseq");
}
#else
#include <sys/rseq.h>

static pthread_barrier_t ready, go;

static struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static int check(void)
{
	/* glibc says 20 of a registration that is 32 bytes long. */
	uint32_t len = __rseq_size <= 32 ? 32 : __rseq_size;
	volatile struct rseq *rseq = area();
	cpu_set_t allowed, one;

	sabotage("unregistered",
		syscall(SYS_rseq, area(), len, RSEQ_FLAG_UNREGISTER, RSEQ_SIG));
	sabotage("sequence", rseq->rseq_cs = 0x1000);
	if (rseq->rseq_cs)
		return fail("inside a critical section at %#lx", (long)rseq->rseq_cs);
	if (!syscall(SYS_rseq, area(), len, 0, RSEQ_SIG) || errno != EBUSY)
		return fail("registered again: %m, where EBUSY is right");
	sched_getaffinity(0, sizeof(allowed), &allowed);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			return fail("sched_setaffinity: %m");
		if ((int)rseq->cpu_id != cpu || (int)rseq->cpu_id_start != cpu)
			return fail("on processor %d: cpu_id %d", cpu, (int)rseq->cpu_id);
	}
	return 0;
}

static void *hold(void *arg)
{
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	return check() ? NULL : arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[3];
	bool bad;

	test_init(argc, argv);
	if ((int)area()->cpu_id < 0)
		return test_skip(
			"the kernel has no rseq, or the C library does not use it");
	pthread_barrier_init(&ready, NULL, COUNT(threads) + 1);
	pthread_barrier_init(&go, NULL, COUNT(threads) + 1);
	for (int i = 0; i < COUNT(threads); i++)
		threads[i] = test_thread(hold, &ready);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&go);
	bad = check();
	for (int i = 0; i < COUNT(threads); i++)
		bad |= !test_thread_end(threads[i]);
	if (bad)
		return 1;
	pass();
	return 0;
}
#endif
