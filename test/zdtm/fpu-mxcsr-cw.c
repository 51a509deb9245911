// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control words of both floating point units, a different pair in every
 * thread and in the main thread: rounding, precision, flush to zero, exception
 * masks and sticky flags. Also what they do to a division.
 */
#include "task.h"
#include "zdtm.h"

struct unit {
	uint32_t mxcsr;
	uint16_t cw;
	uint64_t quotient; /* bits of -1/3 rounded so */
	pthread_barrier_t *ready, *go;
	bool same;
};

static uint64_t divide(void)
{
	volatile double one = 1, three = -3;
	double q = one / three;

	return ((union {
		double d;
		uint64_t u;
	}){ q })
		.u;
}

static void load(struct unit *u)
{
	asm volatile("ldmxcsr %0\n fldcw %1" : : "m"(u->mxcsr), "m"(u->cw));
	u->quotient = divide();
	asm volatile("ldmxcsr %0" : : "m"(u->mxcsr));
}

static bool check(struct unit *u)
{
	uint32_t mxcsr;
	uint16_t cw;

	sabotage("mxcsr", asm volatile("ldmxcsr %0" : : "m"((uint32_t){ 0x1f80 })));
	sabotage("cw", asm volatile("fldcw %0" : : "m"((uint16_t){ 0x37f })));
	asm volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr), "=m"(cw));
	if (mxcsr == u->mxcsr && cw == u->cw && divide() == u->quotient)
		return true;
	fail("mxcsr %#x cw %#x, were %#x %#x", mxcsr, cw, u->mxcsr, u->cw);
	return false;
}

static void *hold(void *arg)
{
	struct unit *u = arg;

	load(u);
	pthread_barrier_wait(u->ready);
	pthread_barrier_wait(u->go);
	u->same = check(u);
	return u;
}

int main(int argc, char **argv)
{
	/* Rounding to nearest, down, up, to zero; with FTZ, DAZ, flags, fewer masks. */
	static struct unit units[] = {
		{ .mxcsr = 0x1f81, .cw = 0x0c7f },
		{ .mxcsr = 0x3f80, .cw = 0x077f },
		{ .mxcsr = 0x5fa0, .cw = 0x0a7f },
		{ .mxcsr = 0xffc0, .cw = 0x007e },
		{ .mxcsr = 0x7e3f, .cw = 0x0f7b },
	};
	pthread_barrier_t ready, go;
	pthread_t threads[COUNT(units)];

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, COUNT(units));
	pthread_barrier_init(&go, NULL, COUNT(units));
	for (int i = 1; i < COUNT(units); i++) {
		units[i].ready = &ready;
		units[i].go = &go;
		threads[i] = test_thread(hold, &units[i]);
	}
	load(&units[0]);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	units[0].same = check(&units[0]);
	pthread_barrier_wait(&go);
	for (int i = 1; i < COUNT(units); i++)
		units[0].same &= ((struct unit *)test_thread_end(threads[i]))->same;
	if (!units[0].same)
		return 1;
	pass();
	return 0;
}
