// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stack that is a megabyte deep, and a growsdown mapping: contents kept,
 * and both grow on when touched below.
 */
#include "zdtm.h"

#include <sys/mman.h>

#define FRAME  4000
#define DEPTH  256
#define GROWTH (64 * PAGE)

static char *low; /* of the growsdown mapping, two pages */
static struct test_map was[2];

/* Fill a frame at each level, run what is at the bottom, check on the way up. */
static int descend(int level, int depth, int (*bottom)(char *frame))
{
	char frame[FRAME];
	int ret;

	fill_pattern(frame, FRAME, level);
	ret = level < depth ? descend(level + 1, depth, bottom) : bottom(frame);
	if (!ret && !check_pattern(frame, FRAME, level))
		ret = fail("frame of level %d differs", level);
	return ret;
}

static int nothing(char *frame)
{
	return 0;
}

static int wait_here(char *frame)
{
	test_find_map(frame, &was[0]);
	test_find_map(low, &was[1]);
	test_daemon();
	test_waitsig();
	sabotage("stack", frame[20 * FRAME]++);
	sabotage("content", low[PAGE]++);
	sabotage("flag", mmap(low, 2 * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		 fill_pattern(low, 2 * PAGE, 1));
	sabotage("grown", low[-(long)PAGE] = 1);
	if (test_check_map(frame, &was[0]) || test_check_map(low, &was[1]))
		return 1;
	if (!check_pattern(low, 2 * PAGE, 1))
		return fail("contents of the growsdown mapping differ");
	fill_pattern(low - GROWTH, GROWTH, 2);
	if (!check_pattern(low - GROWTH, GROWTH, 2) || !check_pattern(low, 2 * PAGE, 1))
		return fail("contents differ after growing down");
	return descend(1000, 1000 + DEPTH, nothing);
}

int main(int argc, char **argv)
{
	char *room;

	test_init(argc, argv);
	/* Room for growth, and for the gap that the kernel keeps below a stack. */
	room = must(mmap(NULL, 16 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	low = room + (14 << 20);
	must(munmap(room, 16 << 20));
	must(mmap(low, 2 * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1,
		0));
	fill_pattern(low, 2 * PAGE, 1);
	if (descend(0, DEPTH, wait_here))
		return 1;
	pass();
	return 0;
}
