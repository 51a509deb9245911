// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan of a family: who makes whom, and when. Each plan is compared with the
 * one that is expected, and played by the rules of the kernel: what comes out
 * must be the tree that was wanted, and all helpers must be gone.
 */
#include <errno.h>

#include "task/family-play.h"

static struct err err;

/* A tree to plan, a task a line, and the plan. */
struct plan {
	struct row {
		pid_t pid;
		int parent; /* index; -1 for the root */
		pid_t pgid, sid;
		enum snap_state state;
	} row[12];
	const char *steps; /* NULL: refused */
	const char *says;  /* when it is refused */
};

static void make_tree(struct tree *t, const struct row *row)
{
	memset(t, 0, sizeof(*t));
	for (; row->pid; row++)
		tree_add(t, (struct snap_task){
				    .pid = row->pid,
				    .parent = row->parent,
				    .pgid = row->pgid,
				    .sid = row->sid,
				    .state = row->state,
			    });
}

static char *plan_text(const struct family *f)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	family_print(f, out);
	fclose(out);
	return text;
}

static void check_steps(const struct family *f, const char *steps)
{
	static struct play p;
	char *text = plan_text(f);
	bool good = play(&p, f);

	CU_ASSERT_STRING_EQUAL(text, steps);
	if (strcmp(text, steps))
		printf("\n%s", text);
	CU_ASSERT(good);
	if (!good)
		printf("\n    %s\n", p.w.why);
	free(text);
}

static void check_tree(const struct tree *t, const struct plan *want)
{
	struct arena arena;
	struct family f;
	int ret;

	arena_init(&arena);
	err.text[0] = '\0';
	ret = family_plan(&f, &t->snap, &arena, &err);
	CU_ASSERT_EQUAL(ret, want->steps ? 0 : -EOPNOTSUPP);
	if (!ret && want->steps)
		check_steps(&f, want->steps);
	if (!want->steps)
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, want->says));
	if (ret && want->steps)
		printf("\n    %s\n", err.text);
	arena_deinit(&arena);
}

static void check_plan(const struct plan *want)
{
	static struct tree t;

	make_tree(&t, want->row);
	check_tree(&t, want);
}

/* Memory comes before children, grandchildren after children; the dead have none. */
static void births(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 10, 10, 0 },
			{ 12, 0, 10, 10, SNAP_STOPPED }, { 13, 0, 10, 10, SNAP_DEAD },
			{ 14, 1, 10, 10, 0 }, { 15, 4, 10, 10, SNAP_DEAD } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 11\n"
			 "10 makes 12\n"
			 "10 makes 13\n"
			 "11 gets its memory\n"
			 "11 makes 14\n"
			 "14 gets its memory\n"
			 "14 makes 15\n",
	});
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 } },
		.steps = "10 founds its session\n",
	});
}

/* What a child's session was says whether it was made before its parent's setsid. */
static void sessions(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 11, 11, 0 },
			{ 12, 1, 11, 11, 0 }, { 13, 1, 10, 10, 0 }, { 14, 1, 14, 14, 0 },
			{ 15, 4, 15, 15, SNAP_DEAD } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 11\n"
			 "11 gets its memory\n"
			 "11 makes 13\n"
			 "11 founds its session\n"
			 "11 makes 12\n"
			 "11 makes 14\n"
			 "14 gets its memory\n"
			 "14 founds its session\n"
			 "14 makes 15\n"
			 "15 founds its session\n",
	});
}

/* A grandchild kept the session that parent and grandparent have left. */
static void old_session(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 11, 11, 0 },
			{ 12, 1, 12, 12, 0 }, { 13, 2, 10, 10, 0 } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 11\n"
			 "11 gets its memory\n"
			 "11 makes 12\n"
			 "11 founds its session\n"
			 "12 gets its memory\n"
			 "12 makes 13\n"
			 "12 founds its session\n",
	});
}

/* Leaders found their groups before members join. */
static void groups(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 12, 10, 0 },
			{ 12, 0, 12, 10, 0 }, { 13, 2, 10, 10, 0 },
			{ 14, 2, 14, 10, SNAP_DEAD } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 11\n"
			 "10 makes 12\n"
			 "12 gets its memory\n"
			 "12 makes 13\n"
			 "12 makes 14\n"
			 "12 joins group 12\n"
			 "14 joins group 14\n"
			 "11 joins group 12\n",
	});
}

/* A helper plays the leader who is gone, once for all members, and is sent away. */
static void group_leader_gone(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 99, 10, SNAP_DEAD },
			{ 12, 0, 99, 10, 0 } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 11\n"
			 "10 makes 12\n"
			 "11 makes the helper 99\n"
			 "99 joins group 99\n"
			 "11 joins group 99\n"
			 "12 joins group 99\n"
			 "99 ends\n",
	});
}

/* The same for a session: its helper makes all who were left, for their parent. */
static void session_leader_gone(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 99, 99, 0 },
			{ 12, 0, 10, 10, 0 }, { 13, 0, 97, 99, SNAP_DEAD },
			{ 14, 1, 99, 99, 0 } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 12\n"
			 "10 makes the helper 99\n"
			 "99 founds its session\n"
			 "99 makes, as its sibling, 11\n"
			 "99 makes, as its sibling, 13\n"
			 "11 gets its memory\n"
			 "11 makes 14\n"
			 "13 makes the helper 97\n"
			 "97 joins group 97\n"
			 "13 joins group 97\n"
			 "99 ends\n"
			 "97 ends\n",
	});
}

/* An orphan whose leader lives: a sibling of it, or of a helper below it that dies. */
static void orphans(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 11, 11, 0 },
			{ 12, 0, 11, 11, 0 } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 11\n"
			 "11 founds its session\n"
			 "11 makes, as its sibling, 12\n",
	});
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 10, 10, 0 },
			{ 12, 1, 12, 12, 0 }, { 13, 0, 12, 12, 0 },
			{ 14, 3, 12, 12, 0 } },
		.steps = "10 gets its memory\n"
			 "10 founds its session\n"
			 "10 makes 11\n"
			 "11 gets its memory\n"
			 "11 makes 12\n"
			 "12 founds its session\n"
			 "10 sets whether it takes orphans: 1\n"
			 "12 makes the helper 15\n"
			 "15 makes 13\n"
			 "15 ends\n"
			 "10 sets whether it takes orphans: 0\n"
			 "13 gets its memory\n"
			 "13 makes 14\n",
	});
}

/* Session and group 0 are those of whoever restores. */
static void shell_job(void)
{
	check_plan(&(struct plan){
		.row = { { 10, -1, 0, 0, 0 }, { 11, 0, 11, 0, 0 }, { 12, 1, 11, 0, 0 },
			{ 13, 0, 13, 13, 0 }, { 14, 0, 0, 0, SNAP_DEAD } },
		.steps = "10 gets its memory\n"
			 "10 makes 11\n"
			 "10 makes 13\n"
			 "10 makes 14\n"
			 "11 gets its memory\n"
			 "11 makes 12\n"
			 "13 founds its session\n"
			 "11 joins group 11\n"
			 "12 joins group 11\n",
	});
}

/* The pid of a helper that can have any is above all that the tree has. */
static void helper_pids(void)
{
	static const struct row orphan[] = { { 10, -1, 10, 10, 0 }, { 11, 0, 10, 10, 0 },
		{ 12, 1, 12, 12, 0 }, { 13, 0, 12, 12, 0 }, { 0 } };
	struct snap_thread threads[] = { { .tid = 11 }, { .tid = 500 }, { .tid = 20 } };
	static struct tree t;
	struct arena arena;
	struct family f;

	arena_init(&arena);
	make_tree(&t, orphan);
	t.task[1].threads = threads;
	t.task[1].n_threads = 3;
	CU_ASSERT_EQUAL_FATAL(family_plan(&f, &t.snap, &arena, &err), 0);
	CU_ASSERT_EQUAL_FATAL(f.helpers, 1);
	CU_ASSERT_EQUAL(f.helper[0].pid, 501);
	CU_ASSERT_EQUAL(family_pid(&f, 4), 501);
	CU_ASSERT_EQUAL(family_pid(&f, 3), 13);
	t.task[2].pgid = t.task[2].sid = t.task[3].sid = t.task[2].pid = 600;
	t.task[3].pgid = 700;
	CU_ASSERT_EQUAL_FATAL(family_plan(&f, &t.snap, &arena, &err), 0);
	CU_ASSERT_EQUAL(f.helper[0].pid, 701);
	threads[2].tid = 4000000;
	CU_ASSERT_EQUAL(family_plan(&f, &t.snap, &arena, &err), -EOPNOTSUPP);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no pid is left"));
	arena_deinit(&arena);
}

/* Trees that no kernel can have had. */
static void impossible(void)
{
	/* the leader of its session is its own child */
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 12, 12, 0 },
			{ 12, 1, 12, 12, 0 } },
		.says = "pid 11 is in session 12, whose leader cannot",
	});
	/* two are made by each other */
	check_plan(&(struct plan){
		.row = { { 10, -1, 10, 10, 0 }, { 11, 0, 14, 14, 0 },
			{ 12, 0, 13, 13, 0 }, { 13, 1, 13, 13, 0 },
			{ 14, 2, 14, 14, 0 } },
		.says = "whose leader cannot",
	});
}

/* A chain as long as the model has room for, each in its parent's session or in its own.
 */
static void long_chain(void)
{
	static struct tree t;
	static struct play p;
	struct arena arena;
	struct family f;

	arena_init(&arena);
	memset(&t, 0, sizeof(t));
	for (int i = 0; i < WORLD_MAX - 1; i++) {
		pid_t sid = i % 3 ? t.task[i - 1].sid : 10 + i;

		tree_add(&t, (struct snap_task){ .pid = 10 + i,
				     .parent = i - 1,
				     .sid = sid,
				     .pgid = i % 3 == 2 ? 10 + i : sid });
	}
	CU_ASSERT_EQUAL_FATAL(family_plan(&f, &t.snap, &arena, &err), 0);
	CU_ASSERT_EQUAL(f.helpers, 0);
	CU_ASSERT_EQUAL(
		f.steps, 62 + 62 + 21 + 21); /* births, memory, sessions, groups */
	CU_ASSERT(play(&p, &f));
	arena_deinit(&arena);
}

int main(void)
{
	static const struct test tests[] = {
		{ "births", births },
		{ "sessions", sessions },
		{ "a session that all have left", old_session },
		{ "groups", groups },
		{ "leader of a group gone", group_leader_gone },
		{ "leader of a session gone", session_leader_gone },
		{ "orphans", orphans },
		{ "shell job", shell_job },
		{ "pids of helpers", helper_pids },
		{ "impossible trees", impossible },
		{ "long chain", long_chain },
	};

	return RUN_TESTS("family", tests);
}
