// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each thread has its own signal mask and its own alternate stack, also none.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

struct own {
	uint64_t mask; /* bit n is signal n + 1, all 64 of them */
	int flags;     /* of sigaltstack */
	char *stack;
	bool same;
	pthread_barrier_t *ready, *go;
};

static uint64_t mask_now(void)
{
	uint64_t mask = 0;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
	return mask;
}

static void set(struct own *o)
{
	stack_t ss = { .ss_sp = o->stack, .ss_size = 16384, .ss_flags = o->flags };

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &o->mask, NULL, 8);
	if (sigaltstack(&ss, NULL))
		fail("sigaltstack: %m");
}

static bool check(struct own *o)
{
	stack_t ss;

	sabotage("mask",
		syscall(SYS_rt_sigprocmask, SIG_BLOCK, &(uint64_t){ 1 << 9 }, NULL, 8));
	sabotage("stack", sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL));
	sigaltstack(NULL, &ss);
	if (mask_now() != o->mask)
		fail("mask %#lx, was %#lx", mask_now(), o->mask);
	else if (ss.ss_flags != o->flags)
		fail("flags of the stack %#x, were %#x", ss.ss_flags, o->flags);
	else if (!(o->flags & SS_DISABLE) &&
		 (ss.ss_sp != o->stack || ss.ss_size != 16384))
		fail("stack %p %zu, was %p", ss.ss_sp, ss.ss_size, o->stack);
	else
		return true;
	return false;
}

static void *hold(void *arg)
{
	struct own *o = arg;

	set(o);
	pthread_barrier_wait(o->ready);
	pthread_barrier_wait(o->go);
	o->same = check(o);
	return o;
}

int main(int argc, char **argv)
{
	enum { AUTODISARM = 1U << 31 };
	/* 0x4000: SIGTERM, which only the main thread takes. SIGKILL and SIGSTOP have no
	 * bit. */
	static struct own own[] = { { .mask = 0x0000000100000a00, .flags = 0 },
		{ .mask = 0xfffffffffffbfeff, .flags = SS_DISABLE },
		{ .mask = 0x8000000000004001, .flags = AUTODISARM },
		{ .mask = 0x0000000000004000, .flags = 0 } };
	static char stacks[COUNT(own)][16384];
	pthread_barrier_t ready, go;
	pthread_t threads[COUNT(own)];
	bool same;

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, COUNT(own));
	pthread_barrier_init(&go, NULL, COUNT(own));
	for (int i = 0; i < COUNT(own); i++) {
		own[i].stack = stacks[i];
		own[i].ready = &ready;
		own[i].go = &go;
		if (i)
			threads[i] = test_thread(hold, &own[i]);
	}
	set(&own[0]);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&go);
	same = check(&own[0]);
	for (int i = 1; i < COUNT(own); i++)
		same &= ((struct own *)test_thread_end(threads[i]))->same;
	if (!same)
		return 1;
	pass();
	return 0;
}
