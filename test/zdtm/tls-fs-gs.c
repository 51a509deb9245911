// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bases of fs (thread-local variables) and gs (set with arch_prctl), in
 * the main thread, in other threads, and in a child.
 */
#include "task.h"
#include "zdtm.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct area {
	uint64_t value;
	uint64_t id, fs;
	void *local;
	pthread_barrier_t *ready, *go;
};

static __thread uint64_t local;

static void set(struct area *a)
{
	a->value = local = 0x1122334455667788ULL * (a->id + 1);
	a->local = &local;
	syscall(SYS_arch_prctl, ARCH_GET_FS, &a->fs);
	syscall(SYS_arch_prctl, ARCH_SET_GS, a);
}

static int check(struct area *a)
{
	uint64_t fs, gs, value;

	sabotage("gs", syscall(SYS_arch_prctl, ARCH_SET_GS, &a->id));
	sabotage("tls", local++);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs);
	syscall(SYS_arch_prctl, ARCH_GET_GS, &gs);
	if (fs != a->fs || gs != (uintptr_t)a)
		return fail("fs %#lx gs %#lx, were %#lx %p", fs, gs, a->fs, a);
	asm volatile("mov %%gs:0, %0" : "=r"(value));
	if (value != a->value || local != a->value || &local != a->local)
		return fail(
			"area %lu: %#lx through gs, %#lx in tls", a->id, value, local);
	return 0;
}

static void *hold(void *arg)
{
	struct area *a = arg;

	set(a);
	pthread_barrier_wait(a->ready);
	pthread_barrier_wait(a->go);
	return check(a) ? NULL : a;
}

static int child(void *arg)
{
	struct area own = { .id = 99 };

	set(&own);
	test_child_ready();
	test_waitsig();
	return check(&own);
}

int main(int argc, char **argv)
{
	static struct area areas[4];
	pthread_barrier_t ready, go;
	pthread_t threads[COUNT(areas)];
	int bad;
	pid_t pid;

	test_init(argc, argv);
	pid = test_fork(child, NULL);
	pthread_barrier_init(&ready, NULL, COUNT(areas));
	pthread_barrier_init(&go, NULL, COUNT(areas));
	for (int i = 0; i < COUNT(areas); i++) {
		areas[i] = (struct area){ .id = i, .ready = &ready, .go = &go };
		if (i)
			threads[i] = test_thread(hold, &areas[i]);
	}
	set(&areas[0]);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&go);
	bad = check(&areas[0]);
	for (int i = 1; i < COUNT(areas); i++)
		bad |= !test_thread_end(threads[i]);
	if (test_join(pid) || bad)
		return 1;
	pass();
	return 0;
}
