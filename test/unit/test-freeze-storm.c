// SPDX-License-Identifier: GPL-2.0-only
/*
 * A freeze converges against a tree that forks, makes threads and execs as fast as
 * it can: everybody stands, nobody was forgotten, nobody new comes; and when the
 * tree is let go the storm goes on. Who there is says the kernel, by the cgroup of
 * the storm.
 */
#include "crl/freeze.h"
#include "freeze/storm.h"

#define ROUNDS	   4
#define STILL_NS   50000000
#define CENSUS_MAX 512

struct census {
	pid_t tids[CENSUS_MAX];
	int n;
};

static struct err err;

static int tid_cmp(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* Every live thread in the cgroup but the bystander, ascending: the kernel's own list. */
static void take_census(const struct storm *s, struct census *c)
{
	char path[PATH_MAX + 64];
	FILE *f;
	int tid;

	c->n = 0;
	snprintf(path, sizeof(path), "%s/tasks", s->group);
	f = fopen(path, "re");
	if (!f) {
		snprintf(path, sizeof(path), "%s/cgroup.threads", s->group);
		f = fopen(path, "re");
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fscanf(f, "%d", &tid) == 1 && c->n < CENSUS_MAX)
		if (tid != s->bystander && !strchr("ZX", fixture_state(tid)))
			c->tids[c->n++] = tid;
	fclose(f);
	qsort(c->tids, c->n, sizeof(pid_t), tid_cmp);
}

static int count_running(const struct census *c)
{
	int running = 0;

	for (int i = 0; i < c->n; i++)
		running += fixture_state(c->tids[i]) != 't' ||
			   fixture_status(c->tids[i], "TracerPid") != gettid();
	return running;
}

static bool is_frozen_tree(const struct census *c, const struct frozen_tree *tree)
{
	struct census frozen = { 0 };

	for (size_t i = 0; i < tree->n_threads && i < CENSUS_MAX; i++)
		frozen.tids[frozen.n++] = tree->threads[i].tid;
	qsort(frozen.tids, frozen.n, sizeof(pid_t), tid_cmp);
	return c->n == frozen.n && !memcmp(c->tids, frozen.tids, c->n * sizeof(pid_t));
}

static void check_still(const struct storm *s, const struct frozen_tree *tree)
{
	struct census before, after;
	long steps;

	take_census(s, &before);
	steps = s->page->steps;
	CU_ASSERT_TRUE(is_frozen_tree(&before, tree));
	CU_ASSERT_EQUAL(count_running(&before), 0);
	nap(STILL_NS); /* nothing to wait for: it is nothing that shall happen */
	take_census(s, &after);
	CU_ASSERT_EQUAL(s->page->steps, steps);
	CU_ASSERT_EQUAL(after.n, before.n);
	CU_ASSERT_EQUAL(memcmp(after.tids, before.tids, before.n * sizeof(pid_t)), 0);
	CU_ASSERT_EQUAL(count_running(&after), 0);
}

static void one_round(const struct storm *s)
{
	/* Two hundred who want a processor may need a while to come to their stops. */
	struct freeze_options opt = { .timeout = LIFE };
	long steps = s->page->steps;
	struct frozen_tree tree;
	int ret;

	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(s->page->steps > steps + 200));
	ret = freeze_tree(s->init, &opt, &tree, &err);
	if (ret)
		printf("freeze: %s\n", err.text);
	CU_ASSERT_EQUAL_FATAL(ret, 0);
	check_still(s, &tree);
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
	frozen_tree_deinit(&tree);
}

static void storm(int does)
{
	start_storm(does);
	for (int i = 0; i < ROUNDS; i++)
		one_round(&current);
	/* It goes on, and more than what was on its way. */
	for (int i = 0; i < 3; i++) {
		long steps = current.page->steps;

		CU_ASSERT_TRUE(FIXTURE_UNTIL(current.page->steps > steps + 200));
	}
	end_storm();
}

static void forks(void)
{
	storm(FORKS);
}

static void threads(void)
{
	storm(THREADS);
}

static void forks_and_threads(void)
{
	storm(FORKS | THREADS);
}

static void forks_and_execs(void)
{
	storm(FORKS | EXECS);
}

static void everything(void)
{
	storm(FORKS | THREADS | EXECS);
}

int main(int argc, char **argv)
{
	static const struct test tests[] = {
		{ "forks", forks },
		{ "threads", threads },
		{ "forks and threads", forks_and_threads },
		{ "forks and execs", forks_and_execs },
		{ "forks, threads and execs", everything },
	};
	char group[PATH_MAX];

	if (argc > 1 && !strcmp(argv[1], "--storm"))
		storm_after_exec();
	if (!make_group(group, 1)) {
		puts("no pids cgroup that may be made: nothing would bound the storm");
		return 77;
	}
	rmdir(group);
	alarm(LIFE); /* whatever happens: when we die, all end */
	atexit(end_storm);
	return RUN_TESTS("freeze-storm", tests);
}
