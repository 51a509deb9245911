// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tree over four sessions and seven groups. Each process is a row below; it
 * records its four ids and must find them unchanged.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum how { INHERIT, OWN_SESSION, OWN_GROUP, JOIN };

static const struct row {
	int parent; /* row, -1: the root */
	enum how how;
	int group; /* row whose group to join */
} rows[] = {
	{ -1, INHERIT, 0 },	/* 0 */
	{ -1, OWN_GROUP, 0 },	/* 1 */
	{ -1, JOIN, 1 },	/* 2: beside the leader */
	{ -1, OWN_SESSION, 0 }, /* 3 */
	{ 3, OWN_GROUP, 0 },	/* 4 */
	{ 3, INHERIT, 0 },	/* 5 */
	{ 3, JOIN, 4 },		/* 6 */
	{ 5, JOIN, 4 },		/* 7: the leader is an uncle */
	{ 3, OWN_SESSION, 0 },	/* 8 */
	{ 8, OWN_GROUP, 0 },	/* 9 */
	{ 9, JOIN, 8 },		/* 10: back to the session leader's group */
	{ 2, JOIN, -1 },	/* 11: to the root's group, from another one */
	{ 1, OWN_SESSION, 0 },	/* 12 */
	{ 6, OWN_GROUP, 0 },	/* 13 */
};

static struct ids {
	pid_t pid, ppid, pgid, sid;
} * ids; /* shared; one behind the rows for the root */

static struct ids now(void)
{
	return (struct ids){ getpid(), getppid(), getpgrp(), getsid(0) };
}

/* Forks every row of this parent, in the order of the table; pids of them. */
static int grow(void *arg)
{
	int me = (intptr_t)arg, bad = 0;
	const struct row *r = &rows[me];
	pid_t children[COUNT(rows)];
	struct ids is;
	int n = 0;

	if (me >= 0 &&
		((r->how == OWN_SESSION && setsid() < 0) ||
			(r->how == OWN_GROUP && setpgid(0, 0)) ||
			(r->how == JOIN && setpgid(0, r->group < 0 ? getsid(0)
								   : ids[r->group].pid))))
		return fail("row %d: %m", me);
	ids[me < 0 ? COUNT(rows) : me] = now();
	for (intptr_t i = 0; i < COUNT(rows); i++)
		if (rows[i].parent == me)
			children[n++] = test_fork(grow, (void *)i);
	if (me >= 0)
		test_child_ready();
	else
		test_daemon();
	test_waitsig();
	sabotage("group", if (me == 7) setpgid(0, 0));
	sabotage("session", if (me == 5) setsid());
	is = now();
	if (__builtin_memcmp(&is, &ids[me < 0 ? COUNT(rows) : me], sizeof(is)))
		bad = fail("row %d: pid %d ppid %d pgid %d sid %d", me, is.pid, is.ppid,
			is.pgid, is.sid);
	while (n)
		bad |= test_join(children[--n]);
	return bad;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	ids = mmap(NULL, (COUNT(rows) + 1) * sizeof(*ids), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (grow((void *)-1L))
		return 1;
	pass();
	return 0;
}
