/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of the kernel for parents, sessions and groups, as far as a plan of
 * family.c meets them: who may call setsid(2) and setpgid(2), where orphans go,
 * which pids are free. A world is made by a history of calls, or by a plan; a
 * call that the kernel would refuse returns false and says why.
 */
#ifndef TEST_UNIT_TASK_FAMILY_MODEL_H
#define TEST_UNIT_TASK_FAMILY_MODEL_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define WORLD_MAX 64
#define OUTSIDE	  0 /* the process that everything else descends from; takes orphans */

struct world_task {
	pid_t pid, sid, pgid;
	unsigned parent;
	bool here; /* living, or not waited for yet */
	bool dead, subreaper;
};

struct world {
	struct world_task t[WORLD_MAX];
	unsigned count;
	char why[160]; /* what the last refusal was */
};

#define REFUSE(w, ...) (snprintf((w)->why, sizeof((w)->why), __VA_ARGS__), false)

static inline void world_init(struct world *w, pid_t outside, pid_t session)
{
	*w = (struct world){ .count = 1 };
	w->t[OUTSIDE] = (struct world_task){
		.pid = outside,
		.sid = session,
		.pgid = session,
		.here = true,
		.subreaper = true,
	};
}

static inline bool world_living(const struct world *w, unsigned i)
{
	return i < w->count && w->t[i].here && !w->t[i].dead;
}

/* The kernel keeps a number as long as it is anybody's pid, group or session. */
static inline bool world_used(const struct world *w, pid_t pid)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->t[i].here &&
			(w->t[i].pid == pid || w->t[i].pgid == pid || w->t[i].sid == pid))
			return true;
	return false;
}

/* A new task in *made; a sibling has the parent of its maker (CLONE_PARENT). */
static inline bool world_fork(
	struct world *w, unsigned maker, pid_t pid, bool sibling, unsigned *made)
{
	if (!world_living(w, maker))
		return REFUSE(w, "the maker of %d is not there", pid);
	if (world_used(w, pid) || w->count == WORLD_MAX)
		return REFUSE(w, "pid %d is in use", pid);
	*made = w->count++;
	w->t[*made] = (struct world_task){
		.pid = pid,
		.sid = w->t[maker].sid,
		.pgid = w->t[maker].pgid,
		.parent = sibling ? w->t[maker].parent : maker,
		.here = true,
	};
	return true;
}

static inline bool world_setsid(struct world *w, unsigned i)
{
	struct world_task *t = &w->t[i];

	if (!world_living(w, i))
		return REFUSE(w, "who founds a session is not there");
	for (unsigned k = 0; k < w->count; k++)
		if (w->t[k].here && w->t[k].pgid == t->pid)
			return REFUSE(w, "%d leads a group and cannot setsid", t->pid);
	t->sid = t->pgid = t->pid;
	return true;
}

static inline bool world_setpgid(struct world *w, unsigned i, pid_t group)
{
	struct world_task *t = &w->t[i];
	bool found = !group || group == t->pid;

	if (!world_living(w, i))
		return REFUSE(w, "who joins group %d is not there", group);
	if (t->sid == t->pid)
		return REFUSE(w, "%d leads its session and cannot setpgid", t->pid);
	for (unsigned k = 0; k < w->count; k++)
		found |= w->t[k].here && w->t[k].pgid == group && w->t[k].sid == t->sid;
	if (!found)
		return REFUSE(w, "session %d has no group %d", t->sid, group);
	t->pgid = group ? group : t->pid;
	return true;
}

static inline bool world_exit(struct world *w, unsigned i)
{
	unsigned reaper = w->t[i].parent;

	if (!world_living(w, i) || i == OUTSIDE)
		return REFUSE(w, "who ends is not there");
	while (reaper != OUTSIDE && (!w->t[reaper].subreaper || !world_living(w, reaper)))
		reaper = w->t[reaper].parent;
	for (unsigned k = 0; k < w->count; k++)
		if (w->t[k].here && k != OUTSIDE && w->t[k].parent == i)
			w->t[k].parent = reaper;
	w->t[i].dead = true;
	return true;
}

static inline bool world_wait(struct world *w, unsigned parent, unsigned child)
{
	if (!w->t[child].here || !w->t[child].dead || w->t[child].parent != parent)
		return REFUSE(w, "%d is no dead child of %d", w->t[child].pid,
			w->t[parent].pid);
	w->t[child].here = false;
	return true;
}

#endif
