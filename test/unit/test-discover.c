// SPDX-License-Identifier: GPL-2.0-only
/* Who is in a tree: every backend that works here must give the same answer. */
#include <sys/syscall.h>

#include "crl/discover.h"
#include "freeze/fixture.h"
#include "proc/load.h"

static struct err err;

static const struct discover_task *find(const struct discover_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].pid == pid)
			return &list->v[i];
	return NULL;
}

static void each_backend(void (*check)(const struct discover_backend *backend))
{
	int working = 0;

	for (size_t i = 0; discover_backends()[i]; i++)
		if (!discover_backends()[i]->probe(&err)) {
			check(discover_backends()[i]);
			working++;
		}
	CU_ASSERT(working > 0);
}

static void by_name(void)
{
	CU_ASSERT_PTR_EQUAL(
		discover_backend("children", &err), discover_backend("children", &err));
	CU_ASSERT_PTR_NOT_NULL(discover_backend(NULL, &err));
	CU_ASSERT_PTR_NULL(discover_backend("tea-leaves", &err));
	CU_ASSERT_EQUAL(err.code, EINVAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "tea-leaves"));
	for (size_t i = 0; discover_backends()[i]; i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, discover_backends()[i]->name));
}

/* A root of 3 threads; 3 children below it, 3 below each, all of 3 threads. */
static void small_tree(struct fixture *fx)
{
	fixture_grow(fx, 2, 3, 3);
}

static void check_small_tree(const struct discover_backend *backend)
{
	struct fixture *fx = fixture_new();
	struct discover_list list = { 0 };
	int leaders = 0;

	fixture_start(fx, small_tree);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 39));
	CU_ASSERT_EQUAL(discover_list(backend, fx->root, &list, &err), 0);
	CU_ASSERT_EQUAL(list.n, 39);
	for (size_t i = 0; i < list.n; i++) {
		const struct discover_task *t = &list.v[i],
					   *leader = find(&list, t->tgid);

		leaders += t->pid == t->tgid;
		CU_ASSERT_PTR_NOT_NULL_FATAL(leader);
		CU_ASSERT(leader <= t);
		CU_ASSERT_EQUAL(t->pgid, fx->root);
		CU_ASSERT_EQUAL(t->sid, getsid(0));
		CU_ASSERT_EQUAL(t->tracer, 0);
		CU_ASSERT_STRING_EQUAL(t->comm, "fx-root");
		CU_ASSERT(t->state == 'S' || t->state == 'R');
		CU_ASSERT_EQUAL(fixture_status(t->pid, "Tgid"), t->tgid);
		CU_ASSERT_EQUAL(fixture_status(t->pid, "PPid"), t->ppid);
		if (t->tgid != fx->root)
			CU_ASSERT_PTR_NOT_NULL(find(&list, t->ppid));
	}
	CU_ASSERT_EQUAL(leaders, 13);
	discover_list_deinit(&list);
	fixture_free(fx);
}

static void *fork_one(void *arg)
{
	if (!fork())
		fixture_count(arg);
	return fixture_count(arg);
}

/* A child hangs on the thread that forked it. */
static void threads_fork(struct fixture *fx)
{
	for (int i = 0; i < 4; i++)
		fixture_thread(fork_one, fx);
	fixture_count(fx);
}

static void check_children_of_threads(const struct discover_backend *backend)
{
	struct fixture *fx = fixture_new();
	struct discover_list list = { 0 };

	fixture_start(fx, threads_fork);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 9));
	CU_ASSERT_EQUAL(discover_list(backend, fx->root, &list, &err), 0);
	CU_ASSERT_EQUAL(list.n, 9);
	discover_list_deinit(&list);
	fixture_free(fx);
}

/* A child that has exited, and one whose main thread has. */
static void half_dead(struct fixture *fx)
{
	if (!fork())
		_exit(0);
	if (!fork()) {
		fixture_thread(fixture_count, fx);
		syscall(SYS_exit, 0);
	}
	fixture_count(fx);
}

static void check_zombies(const struct discover_backend *backend)
{
	struct fixture *fx = fixture_new();
	struct discover_list list = { 0 };
	int dead = 0;

	fixture_start(fx, half_dead);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 2));
	FIXTURE_UNTIL(({
		dead = 0;
		CU_ASSERT_EQUAL(discover_list(backend, fx->root, &list, &err), 0);
		for (size_t i = 0; i < list.n; i++)
			dead += list.v[i].state == 'Z';
		dead == 2;
	}));
	CU_ASSERT_EQUAL(dead, 2);
	CU_ASSERT_EQUAL(list.n, 4);
	discover_list_deinit(&list);
	fixture_free(fx);
}

static int stop_at_second(void *arg, const struct discover_task *task, struct err *e)
{
	int *seen = arg;

	return ++*seen == 2 ? err_set(e, ENOENT, "enough") : 0;
}

static void check_early_end(const struct discover_backend *backend)
{
	struct fixture *fx = fixture_new();
	int seen = 0;

	fixture_start(fx, small_tree);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 39));
	CU_ASSERT_EQUAL(
		backend->list(fx->root, DISCOVER_IDS, stop_at_second, &seen, &err),
		-ENOENT);
	CU_ASSERT_EQUAL(seen, 2);
	fixture_free(fx);
}

static void check_nobody(const struct discover_backend *backend)
{
	struct discover_list list = { 0 };
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	CU_ASSERT_EQUAL(discover_list(backend, pid, &list, &err), -ESRCH);
	discover_list_deinit(&list);
}

static void tree(void)
{
	each_backend(check_small_tree);
}

static void children_of_threads(void)
{
	each_backend(check_children_of_threads);
}

static void zombies(void)
{
	each_backend(check_zombies);
}

static void early_end(void)
{
	each_backend(check_early_end);
}

static void nobody(void)
{
	each_backend(check_nobody);
}

int main(void)
{
	static const struct test tests[] = {
		{ "by name", by_name },
		{ "a tree of threads and processes", tree },
		{ "children of threads", children_of_threads },
		{ "zombies", zombies },
		{ "the callback ends it", early_end },
		{ "nobody there", nobody },
	};

	return RUN_TESTS("discover", tests);
}
