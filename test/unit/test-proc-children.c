// SPDX-License-Identifier: GPL-2.0-only
/* Lists of children, threads and descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/proc/children.h"
#include "crl/proc/file.h"
#include "proc/load.h"

#define THREADS 100
#define FILES	3000

static struct err err;

static void parse(void)
{
	PROC_IDS_AUTO ids = { 0 };
	char *text = exact_copy("12 7 4194304 ", 12);

	CU_ASSERT_EQUAL(children_parse(text, 12, &ids, &err), 0);
	CU_ASSERT_EQUAL(children_parse("", 0, &ids, &err), 0);
	CU_ASSERT_EQUAL(children_parse("99", 2, &ids, &err), 0);
	CU_ASSERT_EQUAL_FATAL(ids.n, 4);
	CU_ASSERT_EQUAL(ids.v[0], 12);
	CU_ASSERT_EQUAL(ids.v[2], 4194304);
	CU_ASSERT_EQUAL(ids.v[3], 99);
	CU_ASSERT_EQUAL(children_parse("1 x ", 4, &ids, &err), -EINVAL);
	free(text);
}

static void own_children(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	PROC_IDS_AUTO ids = { 0 };
	pid_t pids[20];
	int p[2];

	CU_ASSERT_EQUAL_FATAL(pipe(p), 0);
	for (int i = 0; i < 20; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			char c;

			close(p[1]);
			_exit(read(p[0], &c, 1) != 0);
		}
	}
	CU_ASSERT_EQUAL_FATAL(children_read(dir, getpid(), &buf, &ids, &err), 0);
	CU_ASSERT_EQUAL_FATAL(ids.n, 20);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(ids.v[i], pids[i]);
	close(p[1]); /* they end */
	for (int i = 0; i < 20; i++)
		waitpid(pids[i], NULL, 0);
	ids.n = 0;
	CU_ASSERT_EQUAL(children_read(dir, getpid(), &buf, &ids, &err), 0);
	CU_ASSERT_EQUAL(ids.n, 0);
	close(p[0]);
	close(dir);
}

static bool ascending(const struct proc_ids *ids)
{
	for (size_t i = 1; i < ids->n; i++)
		if (ids->v[i - 1] >= ids->v[i])
			return false;
	return true;
}

static bool has(const struct proc_ids *ids, int id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->v[i] == id)
			return true;
	return false;
}

static void *thread(void *arg)
{
	pthread_barrier_t *barrier = arg;

	pthread_barrier_wait(barrier); /* all are there */
	pthread_barrier_wait(barrier); /* all were counted */
	return NULL;
}

static void threads(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	PROC_IDS_AUTO ids = { 0 };
	pthread_barrier_t barrier;
	pthread_t t[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&t[i], NULL, thread, &barrier), 0);
	pthread_barrier_wait(&barrier);
	CU_ASSERT_EQUAL(proc_list_dir(dir, "task", &buf, &ids, &err), 0);
	pthread_barrier_wait(&barrier);
	CU_ASSERT_EQUAL(ids.n, THREADS + 1);
	CU_ASSERT(ascending(&ids));
	CU_ASSERT(has(&ids, getpid()));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	close(dir);
}

static void files(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	PROC_BUF_AUTO buf = { 0 };
	PROC_IDS_AUTO ids = { 0 };
	size_t before;

	CU_ASSERT_EQUAL(proc_list_dir(dir, "fd", &buf, &ids, &err), 0);
	before = ids.n;
	CU_ASSERT(has(&ids, dir));
	for (int i = 0; i < FILES; i++)
		CU_ASSERT_EQUAL_FATAL(dup2(dir, 1000 + i), 1000 + i);
	CU_ASSERT_EQUAL(proc_list_dir(dir, "fd", &buf, &ids, &err), 0);
	CU_ASSERT_EQUAL(ids.n, before + FILES);
	CU_ASSERT(ascending(&ids));
	CU_ASSERT(has(&ids, 1000 + FILES - 1));
	for (int i = 0; i < FILES; i++)
		close(1000 + i);
	CU_ASSERT_EQUAL(proc_list_dir(dir, "none", &buf, &ids, &err), -ENOENT);
	close(dir);
}

/* A directory that is not of procfs: any order, and names that are no numbers. */
static void unsorted(void)
{
	char name[] = "/tmp/test-proc-children-XXXXXX";
	static const char *const names[] = { "30", "4", "100", "x", "5x", "1", "27",
		"2" };
	static const int numbers[] = { 1, 2, 4, 27, 30, 100 };
	PROC_BUF_AUTO buf = { 0 };
	PROC_IDS_AUTO ids = { 0 };
	int dir;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(name));
	dir = open(name, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CU_ASSERT_EQUAL(mkdirat(dir, names[i], 0700), 0);
	CU_ASSERT_EQUAL(proc_list_dir(dir, ".", &buf, &ids, &err), 0);
	CU_ASSERT_EQUAL_FATAL(ids.n, sizeof(numbers) / sizeof(numbers[0]));
	for (size_t i = 0; i < ids.n; i++)
		CU_ASSERT_EQUAL(ids.v[i], numbers[i]);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(dir, names[i], AT_REMOVEDIR);
	close(dir);
	rmdir(name);
}

int main(void)
{
	static const struct test tests[] = {
		{ "text", parse },
		{ "own children", own_children },
		{ "threads", threads },
		{ "descriptors", files },
		{ "any order", unsorted },
	};

	return RUN_TESTS("children", tests);
}
