// SPDX-License-Identifier: GPL-2.0-only
/*
 * Freezing with freezer cgroups of both versions, which the tests make below the
 * root of each hierarchy that is mounted, and remove again.
 */
#include "crl/cgroup.h"
#include "crl/discover.h"
#include "crl/freeze.h"
#include "crl/log.h"
#include "freeze/fixture.h"
#include "freeze/hierarchy.h"
#include "proc/load.h"

static struct err err;

static bool all_stand(const struct frozen_tree *tree)
{
	for (size_t i = 0; i < tree->n_threads; i++)
		if (fixture_state(tree->threads[i].tid) != 't')
			return false;
	return tree->n_threads > 0;
}

/* How many children of ours are called that; guardians are children without a signal. */
static int guardians(void)
{
	char path[64], name[32];
	int pid, n = 0;
	FILE *f, *comm;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", gettid());
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		comm = fopen(path, "re");
		if (comm && fgets(name, sizeof(name), comm))
			n += !strcmp(name, "crl-guardian\n");
		if (comm)
			fclose(comm);
	}
	if (f)
		fclose(f);
	return n;
}

/* Freeze, saying in *used whether a cgroup was. */
static int freeze(pid_t root, const char *group, struct frozen_tree *tree, bool *used)
{
	char text[4096] = "";
	struct log log;
	int ends[2], ret;
	ssize_t n;

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
	log_init(&log, LOG_LEVEL_DEBUG, ends[1]);
	ret = freeze_tree(root,
		&(struct freeze_options){ .freeze_cgroup = group, .log = &log }, tree,
		&err);
	n = read(ends[0], text, sizeof(text) - 1);
	*used = n > 0 && strstr(text, " is frozen");
	if (ret)
		printf("freeze: %s\n", err.text);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

static void check_found(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	struct frozen_tree tree;
	bool used;

	for (int round = 0; round < 4; round++) {
		CU_ASSERT_EQUAL_FATAL(
			freeze(fx->root, round % 2 ? h->group : NULL, &tree, &used), 0);
		CU_ASSERT_TRUE(used);
		CU_ASSERT_EQUAL(tree.n_threads, 39);
		CU_ASSERT_TRUE(all_stand(&tree));
		CU_ASSERT_TRUE(reads(h, h->thawed));
		CU_ASSERT_EQUAL(guardians(), 0);
		CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
		CU_ASSERT_TRUE(fixture_runs(fx));
		frozen_tree_deinit(&tree);
	}
	end_tree(fx, h);
}

/* With a stranger inside it is not used, and naming it is an error. */
static void check_stranger(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	pid_t stranger = fork();
	struct frozen_tree tree;
	char word[64];
	bool used;

	if (!stranger)
		for (;;)
			fixture_rest(fx, 1000000);
	move(stranger, h->group);
	CU_ASSERT_EQUAL_FATAL(freeze(fx->root, NULL, &tree, &used), 0);
	CU_ASSERT_FALSE(used);
	CU_ASSERT_TRUE(all_stand(&tree));
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
	frozen_tree_deinit(&tree);
	CU_ASSERT_EQUAL(freeze_tree(fx->root,
				&(struct freeze_options){ .freeze_cgroup = h->group },
				&tree, &err),
		-EBUSY);
	snprintf(word, sizeof(word), "pid %d (test-freeze-cgr) is in it too", stranger);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, word));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, h->group));
	CU_ASSERT_TRUE(reads(h, h->thawed));
	CU_ASSERT_TRUE(fixture_runs(fx));
	kill(stranger, SIGKILL);
	end_tree(fx, h);
}

/* A tree with one foot outside: not found by itself, good enough when named. */
static void check_partly(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	struct frozen_tree tree;
	bool used;

	move(fx->root, h->root);
	CU_ASSERT_EQUAL_FATAL(freeze(fx->root, NULL, &tree, &used), 0);
	CU_ASSERT_FALSE(used);
	freeze_release(&tree, FREEZE_RUN, &err);
	frozen_tree_deinit(&tree);
	CU_ASSERT_EQUAL_FATAL(freeze(fx->root, h->group, &tree, &used), 0);
	CU_ASSERT_TRUE(used);
	CU_ASSERT_TRUE(all_stand(&tree));
	freeze_release(&tree, FREEZE_RUN, &err);
	frozen_tree_deinit(&tree);
	CU_ASSERT_TRUE(fixture_runs(fx));
	end_tree(fx, h);
}

/* In version 1 a thread in group-stop cannot be seized before it is thawed. */
static void check_group_stop(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	struct frozen_tree tree;
	bool used;
	int status;

	kill(fx->root, SIGSTOP);
	CU_ASSERT_EQUAL(waitpid(fx->root, &status, WUNTRACED), fx->root);
	CU_ASSERT_EQUAL_FATAL(freeze(fx->root, NULL, &tree, &used), 0);
	CU_ASSERT_TRUE(used);
	CU_ASSERT_EQUAL(tree.tasks[0].state, FROZEN_STOPPED);
	CU_ASSERT_EQUAL(tree.tasks[1].state, FROZEN_ALIVE);
	CU_ASSERT_TRUE(all_stand(&tree));
	CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(fx->root) == 'T'));
	kill(fx->root, SIGCONT);
	CU_ASSERT_TRUE(fixture_runs(fx));
	frozen_tree_deinit(&tree);
	end_tree(fx, h);
}

/* Frozen by its owner: thawed while we work, frozen again when all is let go. */
static void check_found_frozen(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	struct frozen_tree tree;
	bool used;

	put(h->group, h->file, h->frozen);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(reads(h, h->frozen)));
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL_FATAL(freeze(fx->root, NULL, &tree, &used), 0);
		CU_ASSERT_TRUE(used);
		CU_ASSERT_TRUE(reads(h, h->thawed));
		CU_ASSERT_TRUE(all_stand(&tree));
		CU_ASSERT_TRUE(FIXTURE_UNTIL(guardians() == 1));
		CU_ASSERT_EQUAL(freeze_release(&tree, FREEZE_RUN, &err), 0);
		CU_ASSERT_EQUAL(guardians(), 0);
		CU_ASSERT_TRUE(FIXTURE_UNTIL(reads(h, h->frozen)));
		for (size_t i = 0; i < tree.n_threads; i++)
			CU_ASSERT_EQUAL(
				fixture_status(tree.threads[i].tid, "TracerPid"), 0);
		frozen_tree_deinit(&tree);
	}
	put(h->group, h->file, h->thawed);
	CU_ASSERT_TRUE(fixture_runs(fx));
	end_tree(fx, h);
}

static void check_frozen_above(const struct hierarchy *h)
{
	struct hierarchy below = *h;
	struct fixture *fx = start_tree(h);
	struct frozen_tree tree;

	snprintf(below.group, sizeof(below.group), "%.1000s/below", h->group);
	CU_ASSERT_EQUAL_FATAL(mkdir(below.group, 0755), 0);
	move(fx->root, below.group);
	put(h->group, h->file, h->frozen);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(reads(h, h->frozen)));
	CU_ASSERT_EQUAL(freeze_tree(fx->root,
				&(struct freeze_options){ .freeze_cgroup = below.group },
				&tree, &err),
		-EBUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "frozen through a cgroup above"));
	put(h->group, h->file, h->thawed);
	CU_ASSERT_TRUE(fixture_runs(fx));
	fixture_free(fx);
	CU_ASSERT_EQUAL(rmdir(below.group), 0);
	CU_ASSERT_EQUAL(rmdir(h->group), 0);
}

static int open_files(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static pid_t first_child(pid_t pid)
{
	char path[64];
	int child = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &child) != 1)
		child = 0;
	if (f)
		fclose(f);
	return child;
}

/* Killed while it holds the cgroup: the guardian thaws, and goes. */
static void check_guardian(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	pid_t holder, guardian;

	holder = fork();
	if (!holder) {
		struct cgroup_freezer *freezer;

		fx->go = cgroup_freezer_hold(h->group, 60000, &freezer, &err) ? 3 : 2;
		if (!fork()) /* somebody who inherits all descriptors of the holder */
			setpgid(0, fx->root);
		for (;;)
			fixture_rest(fx, 1000000);
	}
	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->go != 1));
	CU_ASSERT_EQUAL(fx->go, 2);
	CU_ASSERT_TRUE(reads(h, h->frozen));
	guardian = first_child(holder);
	CU_ASSERT_FATAL(guardian > 0);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(open_files(guardian) == 3));
	CU_ASSERT_NOT_EQUAL(getsid(guardian), getsid(0));
	kill(guardian, SIGTERM);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(reads(h, h->thawed)));
	CU_ASSERT_TRUE(fixture_runs(fx));
	CU_ASSERT_EQUAL(waitpid(guardian, NULL, __WALL), guardian);
	end_tree(fx, h);
}

/* The same for a whole freeze that is killed at any moment. */
static void check_killed(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	unsigned int seed = 1;

	for (int i = 0; i < 40; i++) {
		pid_t freezer = fork();

		if (!freezer)
			for (;;) {
				struct frozen_tree tree;

				if (freeze_tree(fx->root, NULL, &tree, &err))
					_exit(1);
				freeze_release(&tree, FREEZE_RUN, &err);
				frozen_tree_deinit(&tree);
			}
		usleep(rand_r(&seed) % 5000);
		kill(freezer, SIGKILL);
		waitpid(freezer, NULL, 0);
		CU_ASSERT_TRUE(FIXTURE_UNTIL(reads(h, h->thawed)));
		CU_ASSERT_TRUE(fixture_runs(fx));
	}
	end_tree(fx, h);
}

static void check_no_cgroup(const struct hierarchy *h)
{
	struct fixture *fx = start_tree(h);
	struct frozen_tree tree;

	CU_ASSERT_EQUAL(freeze_tree(fx->root,
				&(struct freeze_options){ .freeze_cgroup = "/nowhere" },
				&tree, &err),
		-ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nowhere"));
	CU_ASSERT_TRUE(fixture_runs(fx));
	end_tree(fx, h);
}

static void found(void)
{
	each_version(check_found);
}

static void stranger(void)
{
	each_version(check_stranger);
}

static void partly(void)
{
	each_version(check_partly);
}

static void group_stop(void)
{
	each_version(check_group_stop);
}

static void found_frozen(void)
{
	each_version(check_found_frozen);
}

static void frozen_above(void)
{
	each_version(check_frozen_above);
}

static void guardian(void)
{
	each_version(check_guardian);
}

static void killed(void)
{
	each_version(check_killed);
}

static void no_cgroup(void)
{
	each_version(check_no_cgroup);
}

int main(void)
{
	static const struct test tests[] = {
		{ "a cgroup of its own", found },
		{ "a stranger in it", stranger },
		{ "part of the tree in it", partly },
		{ "with a member in group-stop", group_stop },
		{ "frozen by its owner", found_frozen },
		{ "frozen from above", frozen_above },
		{ "the guardian", guardian },
		{ "killed at any moment", killed },
		{ "no such cgroup", no_cgroup },
	};
	int usable = 0;

	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(*hierarchies); i++) {
		if (find_hierarchy(&hierarchies[i]))
			usable++;
		else
			hierarchies[i].root[0] = '\0';
	}
	if (!usable) {
		puts("no freezer cgroup hierarchy that may be written to");
		return 77;
	}
	return RUN_TESTS("freeze-cgroup", tests);
}
