// SPDX-License-Identifier: GPL-2.0-only
/*
 * What three generations share copy-on-write after fork() is still shared:
 * the proportional share (Pss) of each is a third of the memory, within 10 %.
 */
#include "zdtm.h"

#include <sys/mman.h>

#define SIZE (16 << 20)

static char *p;
static const int generations = 3;

static int check_share(int generation)
{
	long pss = test_pss(p, SIZE), expected = (SIZE >> 10) / generations;

	if (pss < expected * 9 / 10 || pss > expected * 11 / 10)
		return fail("generation %d: Pss is %ld KiB, not about %ld", generation,
			pss, expected);
	return 0;
}

static int check_contents(int generation)
{
	if (!check_pattern(p, SIZE, 1))
		return fail("generation %d: contents differ", generation);
	p[generation * PAGE]++;
	return 0;
}

static int descendant(void *arg)
{
	int generation = (int)(intptr_t)arg;
	pid_t pid = 0;

	if (generation + 1 < generations)
		pid = test_fork(descendant, (void *)(intptr_t)(generation + 1));
	test_child_ready();
	test_waitsig();
	/* Each looks while those below are alive, then tells its child. */
	sabotage("content", if (generation == 2) p[0]++);
	sabotage("copied-last", if (generation == 2) fill_pattern(p, SIZE, 1));
	if (check_share(generation) || (pid && test_join(pid)))
		return 1;
	return check_contents(generation);
}

int main(int argc, char **argv)
{
	struct test_map was;
	pid_t pid;

	test_init(argc, argv);
	p = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	fill_pattern(p, SIZE, 1);
	pid = test_fork(descendant, (void *)1);
	if (check_share(0))
		return 1;
	test_find_map(p, &was);
	test_daemon();
	test_waitsig();
	sabotage("copied", fill_pattern(p, SIZE, 1));
	if (test_check_map(p, &was) || check_share(0) || test_join(pid) ||
		check_contents(0))
		return 1;
	pass();
	return 0;
}
