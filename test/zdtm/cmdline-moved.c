// SPDX-License-Identifier: GPL-2.0-only
/*
 * The addresses that the kernel keeps of a process: code, data, heap, stack,
 * arguments, environment. This one has moved the last two elsewhere with
 * PR_SET_MM_MAP, and also grown its heap.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char args[] = "moved\0arguments of\0this one";
static const char env[] = "A=1\0LONGER=two words";

/* Fields of /proc/PID/stat, counted from 1. */
enum { STARTCODE = 26, ENDCODE, STARTSTACK };
enum { START_DATA = 45, END_DATA, START_BRK, ARG_START, ARG_END, ENV_START, ENV_END };
#define FIELDS (ENV_END + 1)

static void look(unsigned long long *fields)
{
	const char *at = test_read_file("/proc/self/stat", NULL);

	at = strrchr(at, ')') + 2;
	for (int n = 3; n < FIELDS; n++, at += strcspn(at, " \n") + 1)
		sscanf(at, "%llu", &fields[n]);
}

static int move(void)
{
	static unsigned long long fields[FIELDS], auxv[128];
	char *area = mmap(
		NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct prctl_mm_map map = { .exe_fd = -1, .auxv = (void *)auxv };
	size_t len;

	look(fields);
	memcpy(auxv, test_read_file("/proc/self/auxv", &len), sizeof(auxv));
	memcpy(area, args, sizeof(args));
	memcpy(area + 1000, env, sizeof(env));
	map.start_code = fields[STARTCODE];
	map.end_code = fields[ENDCODE];
	map.start_stack = fields[STARTSTACK];
	map.start_data = fields[START_DATA];
	map.end_data = fields[END_DATA];
	map.start_brk = fields[START_BRK];
	map.brk = (uintptr_t)sbrk(0);
	map.arg_start = (uintptr_t)area;
	map.arg_end = map.arg_start + sizeof(args);
	map.env_start = map.arg_start + 1000;
	map.env_end = map.env_start + sizeof(env);
	map.auxv_size = len;
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
}

static bool shows(const char *path, const char *text, size_t len)
{
	size_t n = 0;
	const char *is = test_read_file(path, &n);

	return is && n == len && !memcmp(is, text, n);
}

int main(int argc, char **argv)
{
	unsigned long long was[FIELDS], is[FIELDS];
	void *brk;

	test_init(argc, argv);
	sbrk(3 * PAGE);
	if (move())
		return errno == EINVAL ? test_skip("no PR_SET_MM_MAP")
				       : fail("moving: %m");
	look(was);
	brk = sbrk(0);
	if (!shows("/proc/self/cmdline", args, sizeof(args)))
		return fail("not set up");

	test_daemon();
	test_waitsig();

	look(is);
	sabotage("stack", is[STARTSTACK] += 16);
	sabotage("brk", sbrk(16));
	sabotage("env", *(char *)was[ENV_START] = 'B');
	for (int n = STARTCODE; n < FIELDS; n++)
		if ((n <= STARTSTACK || n >= START_DATA) && is[n] != was[n])
			return fail("field %d: %#llx, was %#llx", n, is[n], was[n]);
	if (sbrk(0) != brk)
		return fail("the heap ends at %p, not at %p", sbrk(0), brk);
	if (!shows("/proc/self/cmdline", args, sizeof(args)) ||
		!shows("/proc/self/environ", env, sizeof(env)))
		return fail("command line or environment");
	pass();
	return 0;
}
