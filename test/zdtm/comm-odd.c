// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names that deceive a careless reader of /proc/PID/stat and status: spaces,
 * parentheses, a whole forged tail, newlines, bytes that are no text. Two
 * threads of the root and a child each.
 */
#include "task.h"
#include "zdtm.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *const names[] = { "a) R 1 1 1 (b", ")", " ( ", "x\nState:\tZ",
	"\\n\t\xff\x80", ") Z 0 0 0 0 -1" };

static pthread_barrier_t ready, go;
static bool bad;

static int check(const char *name)
{
	char is[16] = "", want[20], path[64];
	const char *text;

	sabotage("odd", if (name == names[3]) prctl(PR_SET_NAME, "x"));
	prctl(PR_GET_NAME, is);
	if (strcmp(is, name))
		return fail("name \"%s\", was \"%s\"", is, name);
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", gettid());
	snprintf(want, sizeof(want), "%s\n", name);
	text = test_read_file(path, NULL);
	return text && !strcmp(text, want) ? 0
					   : fail("comm \"%s\", was \"%s\"", text, want);
}

static void *hold(void *name)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	prctl(PR_SET_NAME, name);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	pthread_mutex_lock(&mutex);
	bad |= check(name);
	pthread_mutex_unlock(&mutex);
	return name;
}

static int child(void *name)
{
	pid_t parent = getppid(), group = getpgrp(), session = getsid(0);

	prctl(PR_SET_NAME, name);
	test_child_ready();
	test_waitsig();
	sabotage("parent", parent = 1);
	if (getppid() != parent || getpgrp() != group || getsid(0) != session)
		return fail("\"%s\": ppid %d pgid %d sid %d", (char *)name, getppid(),
			getpgrp(), getsid(0));
	return check(name);
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	pid_t pids[COUNT(names)];

	test_init(argc, argv);
	for (int i = 0; i < COUNT(names); i++)
		pids[i] = test_fork(child, (void *)names[i]);
	pthread_barrier_init(&ready, NULL, COUNT(threads) + 1);
	pthread_barrier_init(&go, NULL, COUNT(threads) + 1);
	for (int i = 0; i < COUNT(threads); i++)
		threads[i] = test_thread(hold, (void *)names[i + 1]);
	prctl(PR_SET_NAME, names[0]);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	bad |= check(names[0]);
	pthread_barrier_wait(&go);
	for (int i = 0; i < COUNT(threads); i++)
		test_thread_end(threads[i]);
	for (int i = 0; i < COUNT(names); i++)
		bad |= test_join(pids[i]);
	if (bad)
		return 1;
	pass();
	return 0;
}
