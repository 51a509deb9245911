/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trees for family_plan(), and what its plans come to: the steps of a plan are
 * played by the rules of family-model.h, and the tree that results is compared
 * with the one that was wanted.
 */
#ifndef TEST_UNIT_TASK_FAMILY_PLAY_H
#define TEST_UNIT_TASK_FAMILY_PLAY_H

#include "proc/load.h"
#include "task/family-model.h"
#include "task/family.h"

struct tree {
	struct snapshot snap;
	struct snap_task task[WORLD_MAX];
	struct snap_thread leader[WORLD_MAX];
};

/* Add a task; its parent is an index, -1 for the root. */
static inline void tree_add(struct tree *t, struct snap_task task)
{
	size_t i = t->snap.tasks++;

	if (i == WORLD_MAX)
		abort();
	if (!task.state)
		task.state = SNAP_ALIVE;
	t->leader[i].tid = task.pid;
	if (!task.threads)
		task.threads = &t->leader[i], task.n_threads = 1;
	t->task[i] = task;
	t->snap.task = t->task;
}

/* What a player of a plan keeps in mind: where each actor is in the world. */
struct play {
	const struct family *f;
	struct world w;
	unsigned at[2 * WORLD_MAX]; /* 0: not made */
	bool memory[WORLD_MAX];
};

static inline bool play_birth(struct play *p, const struct family_step *s)
{
	bool task = s->child < p->f->snap->tasks;

	if (s->child >= p->f->snap->tasks + p->f->helpers || p->at[s->child])
		return REFUSE(&p->w, "actor %u is made twice, or unknown", s->child);
	if (task != (s->verb != FAMILY_HELPER) ||
		(!task && s->number != family_pid(p->f, s->child)))
		return REFUSE(&p->w, "actor %u is made as something else", s->child);
	return world_fork(&p->w, p->at[s->who], family_pid(p->f, s->child),
		s->verb == FAMILY_ADOPT, &p->at[s->child]);
}

/* Memory is given once, before the first child inherits it; the dead have none. */
static inline bool play_memory(struct play *p, unsigned who)
{
	if (who >= p->f->snap->tasks || p->memory[who] ||
		p->f->snap->task[who].state == SNAP_DEAD)
		return REFUSE(&p->w, "actor %u cannot get memory now", who);
	for (unsigned k = 0; k < p->w.count; k++)
		if (k != p->at[who] && p->w.t[k].parent == p->at[who])
			return REFUSE(&p->w, "actor %u gets memory after a child", who);
	return p->memory[who] = true;
}

static inline bool play_step(struct play *p, const struct family_step *s)
{
	unsigned who = p->at[s->who];

	if (!who || !world_living(&p->w, who))
		return REFUSE(&p->w, "actor %u is not there", s->who);
	switch (s->verb) {
	case FAMILY_MEMORY:
		return play_memory(p, s->who);
	case FAMILY_BEAR:
	case FAMILY_ADOPT:
	case FAMILY_HELPER:
		return play_birth(p, s);
	case FAMILY_SETSID:
		return world_setsid(&p->w, who);
	case FAMILY_SETPGID:
		return world_setpgid(&p->w, who, s->number);
	case FAMILY_SUBREAPER:
		p->w.t[who].subreaper = s->number;
		return true;
	case FAMILY_DISMISS:
		if (s->who < p->f->snap->tasks)
			return REFUSE(&p->w, "task %u is sent away", s->who);
		return world_exit(&p->w, who) && world_wait(&p->w, p->at[s->child], who);
	}
	return REFUSE(&p->w, "step %d is not known", s->verb);
}

/* Is task i where the snapshot has it, and left as it should be? */
static inline bool play_compare(struct play *p, unsigned i)
{
	const struct snap_task *want = &p->f->snap->task[i];
	const struct world_task *is = &p->w.t[p->at[i]];
	unsigned parent = want->parent < 0 ? OUTSIDE : p->at[want->parent];

	if (!p->at[i])
		return REFUSE(&p->w, "pid %d was not made", want->pid);
	if (is->parent != parent || is->sid != want->sid || is->pgid != want->pgid)
		return REFUSE(&p->w, "pid %d has parent %d group %d session %d", is->pid,
			p->w.t[is->parent].pid, is->pgid, is->sid);
	if (is->subreaper)
		return REFUSE(&p->w, "pid %d still takes orphans", is->pid);
	return true;
}

/* Play the plan; p->w.why says what was wrong with it. */
static inline bool play(struct play *p, const struct family *f)
{
	bool good;

	*p = (struct play){ .f = f };
	world_init(&p->w, 1, 0);
	good = world_fork(&p->w, OUTSIDE, f->snap->task[0].pid, false, &p->at[0]);
	for (size_t i = 0; i < f->steps && good; i++)
		good = play_step(p, &f->step[i]);
	for (size_t i = 0; i < f->snap->tasks && good; i++)
		good = play_compare(p, i);
	for (size_t i = f->snap->tasks; i < f->snap->tasks + f->helpers && good; i++)
		if (!p->at[i] || p->w.t[p->at[i]].here)
			good = REFUSE(&p->w, "helper %d was not made, or stays",
				family_pid(f, i));
	return good;
}

static inline void tree_print(const struct tree *t)
{
	for (size_t i = 0; i < t->snap.tasks; i++)
		printf("    pid %d parent %d group %d session %d%s\n", t->task[i].pid,
			t->task[i].parent < 0 ? 0 : t->task[t->task[i].parent].pid,
			t->task[i].pgid, t->task[i].sid,
			t->task[i].state == SNAP_DEAD ? " dead" : "");
}

#endif
