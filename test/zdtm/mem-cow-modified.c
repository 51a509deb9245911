// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parent and child come from one memory and have since gone their own ways:
 * the child changed some pages, dropped some, made some read-only, unmapped
 * some and moved some; the parent changed and dropped others. The rest is shared.
 */
#include "zdtm.h"

#include <string.h>
#include <sys/mman.h>

#define PART (4 * PAGE)
enum part {
	SHARED,
	CHILD_CHANGED,
	CHILD_DROPPED,
	CHILD_READONLY,
	CHILD_UNMAPPED,
	CHILD_MOVED,
	PARENT_CHANGED,
	PARENT_DROPPED,
	PARTS
};

static char *p, *moved;
static const char zero[PART];

static char *part(enum part i)
{
	return p + i * PART;
}

static int child(void *arg)
{
	struct test_map was[2], map;

	fill_pattern(part(CHILD_CHANGED), PART, 100);
	must(madvise(part(CHILD_DROPPED), PART, MADV_DONTNEED));
	must(mprotect(part(CHILD_READONLY), PART, PROT_READ));
	must(munmap(part(CHILD_UNMAPPED), PART));
	must(mremap(part(CHILD_MOVED), PART, PART, MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	test_find_map(p, &was[0]);
	test_find_map(part(CHILD_READONLY), &was[1]);
	test_child_ready();
	test_waitsig();
	sabotage("child-changed", part(CHILD_CHANGED)[0]++);
	sabotage("child-dropped", part(CHILD_DROPPED)[PAGE]++);
	sabotage("child-moved", moved[0]++);
	sabotage("child-parent-changed", part(PARENT_CHANGED)[0]++);
	sabotage("child-parent-dropped", part(PARENT_DROPPED)[0]++);
	if (test_check_map(p, &was[0]) || test_check_map(part(CHILD_READONLY), &was[1]))
		return 1;
	if (test_find_map(part(CHILD_UNMAPPED), &map))
		return fail("what the child unmapped is mapped");
	if (memcmp(part(CHILD_DROPPED), zero, PART))
		return fail("what the child dropped is not zero");
	for (enum part i = 0; i < PARTS; i++)
		if (i != CHILD_DROPPED && i != CHILD_UNMAPPED &&
			!check_pattern(i == CHILD_MOVED ? moved : part(i), PART,
				i == CHILD_CHANGED ? 100 : i))
			return fail("child: part %d differs", i);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	p = must(mmap(test_room(PARTS * PART), PARTS * PART, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	moved = test_room(PART);
	for (enum part i = 0; i < PARTS; i++)
		fill_pattern(part(i), PART, i);
	pid = test_fork(child, NULL);
	fill_pattern(part(PARENT_CHANGED), PART, 200);
	must(madvise(part(PARENT_DROPPED), PART, MADV_DONTNEED));
	test_daemon();
	test_waitsig();
	sabotage("parent-shared", part(SHARED)[PAGE]++);
	sabotage("parent-changed", part(PARENT_CHANGED)[PAGE]++);
	sabotage("parent-dropped", part(PARENT_DROPPED)[PAGE]++);
	if (test_join(pid))
		return 1;
	if (memcmp(part(PARENT_DROPPED), zero, PART))
		return fail("what the parent dropped is not zero");
	for (enum part i = 0; i < PARENT_DROPPED; i++)
		if (!check_pattern(part(i), PART, i == PARENT_CHANGED ? 200 : i))
			return fail("parent: part %d differs", i);
	pass();
	return 0;
}
