// SPDX-License-Identifier: GPL-2.0-only
/*
 * The name of the process and of each thread: also empty, and of full length.
 */
#include "task.h"
#include "zdtm.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct named {
	const char *name;
	pid_t tid;
	bool same;
	pthread_barrier_t *ready, *go;
};

static bool check(const struct named *n)
{
	char path[64], want[20], name[16] = "";
	const char *text;

	sabotage("comm", if (n->tid != getpid()) prctl(PR_SET_NAME, "other"));
	sabotage("process", if (n->tid == getpid()) prctl(PR_SET_NAME, "other"));
	prctl(PR_GET_NAME, name);
	snprintf(path, sizeof(path), "/proc/self/task/%d/comm", n->tid);
	snprintf(want, sizeof(want), "%s\n", n->name);
	text = test_read_file(path, NULL);
	return text && !strcmp(text, want) && !strcmp(name, n->name);
}

/* One after another: looking into files is not for threads in parallel. */
static void *hold(void *arg)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	struct named *n = arg;

	n->tid = gettid();
	prctl(PR_SET_NAME, n->name);
	pthread_barrier_wait(n->ready);
	pthread_barrier_wait(n->go);
	pthread_mutex_lock(&mutex);
	n->same = check(n);
	pthread_mutex_unlock(&mutex);
	return n;
}

int main(int argc, char **argv)
{
	static struct named all[] = { { .name = "the process" }, { .name = "worker/0:1" },
		{ .name = "" }, { .name = "fifteen letters" }, { .name = "worker/0:1" } };
	pthread_t threads[COUNT(all)];
	pthread_barrier_t ready, go;
	int bad = 0;

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, COUNT(all));
	pthread_barrier_init(&go, NULL, COUNT(all));
	prctl(PR_SET_NAME, all[0].name);
	all[0].tid = getpid();
	for (int i = 1; i < COUNT(all); i++) {
		all[i].ready = &ready;
		all[i].go = &go;
		threads[i] = test_thread(hold, &all[i]);
	}
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	all[0].same = check(&all[0]);
	pthread_barrier_wait(&go);
	for (int i = 1; i < COUNT(all); i++)
		test_thread_end(threads[i]);
	for (int i = 0; i < COUNT(all); i++)
		if (!all[i].same)
			bad = fail("thread %d is not named \"%s\"", i, all[i].name);
	if (bad)
		return bad;
	pass();
	return 0;
}
