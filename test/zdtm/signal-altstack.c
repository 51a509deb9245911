// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread is inside a handler on its alternate stack, and inside a second one
 * that interrupted the first. Both return to what they interrupted.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>

static char stack[65536];
static pthread_barrier_t ready, go;
static volatile int depth, deepest;
static volatile bool bad;

static void check_stack(int flags)
{
	stack_t ss;

	sigaltstack(NULL, &ss);
	if (ss.ss_flags != flags || ss.ss_sp != stack || ss.ss_size != sizeof(stack))
		bad = fail("stack %p %zu flags %d", ss.ss_sp, ss.ss_size, ss.ss_flags);
}

static void on_signal(int sig)
{
	char local[1000];
	sigset_t mask;

	if (&local[0] < &stack[0] || &local[0] >= &stack[sizeof(stack)])
		bad = fail("not on the alternate stack");
	fill_pattern(local, sizeof(local), sig);
	if (++depth == 1) {
		raise(SIGUSR2);
	} else {
		pthread_barrier_wait(&ready);
		pthread_barrier_wait(&go);
		deepest = depth;
	}
	sabotage("stack", local[500] ^= 1);
	sabotage("mask", pthread_sigmask(SIG_UNBLOCK, &(sigset_t){ { 1 << 9 } }, NULL));
	check_stack(SS_ONSTACK);
	if (!check_pattern(local, sizeof(local), sig))
		bad = fail("the stack of the handler");
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	if (!sigismember(&mask, SIGUSR1) || sigismember(&mask, SIGUSR2) != (depth == 2))
		bad = fail("mask at depth %d", depth);
	depth--;
}

static void *hold(void *arg)
{
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	volatile uint64_t local[100];
	sigset_t mask;

	fill_pattern((void *)local, sizeof(local), 8);
	sigaltstack(&ss, NULL);
	raise(SIGUSR1);
	sabotage("disarmed", sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL));
	check_stack(0);
	if (!check_pattern((void *)local, sizeof(local), 8))
		bad = fail("the stack below");
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	if (sigismember(&mask, SIGUSR1) || depth || deepest != 2)
		bad = fail("after the handlers: depth %d, deepest %d", depth, deepest);
	return arg;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	pthread_t thread;

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&go, NULL, 2);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	thread = test_thread(hold, NULL);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&go);
	test_thread_end(thread);
	if (bad)
		return 1;
	pass();
	return 0;
}
