// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plans for trees that came about: a small kernel (family-model.h) is driven by
 * random calls of fork, setsid, setpgid, exit and wait, and what is left of the
 * tree is planned. The plan must lead to the same tree, or be refused; it is
 * refused for few. For trees that nobody could have made it is never wrong.
 */
#include <errno.h>

#include "task/family-play.h"

#define ROOT	1 /* in the world */
#define FIRST	10
#define SESSION 5 /* of whoever started the root */
#define TREES	10000

static struct err err;
static struct world w;
static struct tree t;
static unsigned seed;

static unsigned any_of(unsigned n)
{
	return rand_r(&seed) % n;
}

static unsigned any_task(bool or_dead)
{
	unsigned i;

	do
		i = ROOT + any_of(w.count - ROOT);
	while (!w.t[i].here || (w.t[i].dead && !or_dead));
	return i;
}

/* One call of somebody; that the kernel refuses it does not matter. */
static void happen(pid_t *next, bool siblings)
{
	unsigned who = any_task(false), other = any_task(true), made;

	switch (any_of(12)) {
	case 0 ... 3:
		world_fork(
			&w, who, (*next)++, siblings && who != ROOT && !any_of(6), &made);
		break;
	case 4 ... 5:
		if (who != ROOT)
			world_setsid(&w, who);
		break;
	case 6:
		world_setpgid(&w, who, 0);
		break;
	case 7 ... 8:
		world_setpgid(&w, who, w.t[other].pgid);
		break;
	case 9:
		w.t[who].subreaper = true;
		break;
	case 10:
		if (who != ROOT && world_exit(&w, who) && any_of(4))
			world_wait(&w, w.t[who].parent, who);
		break;
	case 11:
		world_wait(&w, w.t[other].parent, other);
		break;
	}
}

static void live(bool shell_job, bool siblings, unsigned calls)
{
	pid_t next = FIRST;
	unsigned root;

	world_init(&w, SESSION, SESSION);
	world_fork(&w, OUTSIDE, next++, false, &root);
	if (!shell_job)
		world_setsid(&w, ROOT);
	else if (any_of(2))
		world_setpgid(&w, ROOT, 0);
	while (calls-- && w.count < WORLD_MAX)
		happen(&next, siblings);
}

static bool below_root(unsigned i)
{
	while (i > ROOT)
		i = w.t[i].parent;
	return i == ROOT;
}

/* As a shell job is loaded: what came from outside is that of whoever restores. */
static void adopt(void)
{
	pid_t sid = t.task[0].sid, pgid = t.task[0].pgid;
	bool led = false;

	for (size_t i = 0; i < t.snap.tasks; i++)
		led |= t.task[i].pid == pgid;
	for (size_t i = 0; i < t.snap.tasks && sid != t.task[0].pid; i++) {
		if (t.task[i].sid == sid)
			t.task[i].sid = 0;
		if (t.task[i].pgid == pgid && !led)
			t.task[i].pgid = 0;
	}
}

static void take_tree(void)
{
	int index[WORLD_MAX] = { [OUTSIDE] = -1 };

	memset(&t, 0, sizeof(t));
	for (unsigned i = ROOT; i < w.count; i++) {
		if (!w.t[i].here || !below_root(i))
			continue;
		index[i] = t.snap.tasks;
		tree_add(&t, (struct snap_task){
				     .pid = w.t[i].pid,
				     .sid = w.t[i].sid,
				     .pgid = w.t[i].pgid,
				     .parent = index[w.t[i].parent],
				     .state = w.t[i].dead ? SNAP_DEAD : SNAP_ALIVE,
			     });
	}
	adopt();
}

/* Plan and play; false when it is refused. */
static bool plan(void)
{
	static struct play p;
	struct arena arena;
	struct family f;
	int ret;

	arena_init(&arena);
	ret = family_plan(&f, &t.snap, &arena, &err);
	CU_ASSERT(!ret || ret == -EOPNOTSUPP);
	if (!ret && !play(&p, &f)) {
		printf("\n    %s\n", p.w.why);
		tree_print(&t);
		family_print(&f, stdout);
		CU_FAIL_FATAL("a plan that does not lead to its tree");
	}
	arena_deinit(&arena);
	return !ret;
}

static unsigned refused_of(bool shell_job, bool siblings)
{
	unsigned refused = 0;

	for (unsigned n = 0; n < TREES; n++) {
		seed = n;
		live(shell_job, siblings, 5 + n % 60);
		take_tree();
		refused += !plan();
	}
	return refused;
}

static void sessions(void)
{
	CU_ASSERT(refused_of(false, false) < TREES / 1000);
}

static void siblings(void)
{
	CU_ASSERT(refused_of(false, true) < TREES / 500);
}

static void shell_jobs(void)
{
	CU_ASSERT(refused_of(true, false) < TREES / 50);
}

/* Numbers that fit together only by chance. */
static void any_numbers(void)
{
	unsigned n = 2 + any_of(7);

	memset(&t, 0, sizeof(t));
	for (unsigned i = 0; i < n; i++)
		tree_add(&t, (struct snap_task){
				     .pid = FIRST + i,
				     .parent = i ? (int)any_of(i) : -1,
				     .sid = any_of(40) ? FIRST + any_of(n + 2) : 0,
				     .pgid = any_of(40) ? FIRST + any_of(n + 2) : 0,
				     .state = any_of(8) ? SNAP_ALIVE : SNAP_DEAD,
			     });
	t.task[0].sid = t.task[0].pgid = any_of(10) ? FIRST : 0;
}

static void impossible(void)
{
	unsigned refused = 0;

	for (seed = 0; refused < 4 * TREES;) {
		any_numbers();
		refused += !plan();
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "sessions and groups", sessions },
		{ "children made for the parent", siblings },
		{ "shell jobs", shell_jobs },
		{ "impossible trees", impossible },
	};

	return RUN_TESTS("family, by history", tests);
}
