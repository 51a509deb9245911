// SPDX-License-Identifier: GPL-2.0-only
/*
 * The plan of a family. A task gets three things from how it is made, which it
 * cannot change later, or only in one direction:
 *
 *   parent    the task that made it, until that one dies
 *   session   its maker's at that moment; it can leave it only to found its own
 *   group     its maker's; it can join others of its session
 *
 * So a task is made by its parent, at a time when the parent is in the right
 * session: before or after the parent's own setsid(2). Where that is impossible
 * the maker is somebody else of that session: a session leader whose parent is
 * the same (CLONE_PARENT makes a sibling), or a helper that plays the leader
 * who is gone, under the old pid, and is dismissed at the end. An orphan that
 * came to a subreaper is made by a helper of the leader which then dies.
 *
 * Groups come last: see family-groups.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "task/family-planner.h"

void family_step(struct family *f, enum family_verb verb, unsigned who, unsigned child,
	pid_t number)
{
	struct family_step s = { verb, who, child, number };

	arena_push(f->arena, f->step, f->steps, f->step_cap, s);
}

pid_t family_pid(const struct family *f, unsigned actor)
{
	return actor < f->snap->tasks ? family_task(f, actor)->pid
				      : f->helper[actor - f->snap->tasks].pid;
}

unsigned family_helper(
	struct family *f, unsigned maker, unsigned parent, pid_t pid, pid_t session)
{
	struct family_helper h = { pid, parent, session };

	arena_push(f->arena, f->helper, f->helpers, f->helper_cap, h);
	family_step(f, FAMILY_HELPER, maker, f->snap->tasks + f->helpers - 1, pid);
	return f->snap->tasks + f->helpers - 1;
}

int family_find(const struct family *f, pid_t pid)
{
	for (size_t i = 0; i < f->snap->tasks; i++)
		if (family_task(f, i)->pid == pid)
			return i;
	return -1;
}

static void plan_init(struct planner *p)
{
	const struct snapshot *s = p->f->snap;

	for (size_t i = 0; i < s->tasks; i++) {
		p->child[i] = p->next[i] = -1;
		p->m[i].birth = family_leads(&s->task[i]) ? ANY_SESSION : s->task[i].sid;
		for (unsigned k = 0; k < s->task[i].n_threads; k++)
			if (s->task[i].threads[k].tid > p->spare)
				p->spare = s->task[i].threads[k].tid;
		if (s->task[i].pgid > p->spare)
			p->spare = s->task[i].pgid;
		if (s->task[i].sid > p->spare)
			p->spare = s->task[i].sid;
	}
	for (size_t i = s->tasks; i-- > 1;) {
		p->next[i] = p->child[s->task[i].parent];
		p->child[s->task[i].parent] = i;
	}
}

/* Can task i be made in session `sid` by its line of ancestors, each before its own
 * setsid? */
static bool line_offers(struct planner *p, int i, pid_t sid)
{
	for (; i >= 0; i = family_task(p->f, i)->parent) {
		const struct snap_task *t = family_task(p->f, i);

		if (t->sid == sid)
			return true;
		if (!family_leads(t) ||
			(p->m[i].birth != ANY_SESSION && p->m[i].birth != sid))
			return false;
	}
	return sid == 0; /* the session of whoever restores */
}

static bool is_below(const struct family *f, int i, unsigned above)
{
	while (i >= 0 && i != (int)above)
		i = family_task(f, i)->parent;
	return i >= 0;
}

/* Is there more of session `sid` beside task i, so that both came from its leader? */
static bool session_is_beside(const struct family *f, unsigned i, pid_t sid)
{
	for (size_t k = 0; k < f->snap->tasks; k++)
		if (family_task(f, k)->sid == sid && !is_below(f, k, i) &&
			is_below(f, k, family_task(f, i)->parent))
			return true;
	return false;
}

/* Children first: a leader is made in the session that a child needs from before its
 * setsid. */
static void plan_births(struct planner *p)
{
	for (size_t i = p->f->snap->tasks; i-- > 1;) {
		const struct snap_task *t = family_task(p->f, i),
				       *parent = family_task(p->f, t->parent);
		pid_t need = p->m[i].birth;

		if (need == ANY_SESSION || need == parent->sid || !family_leads(parent) ||
			p->m[t->parent].birth != ANY_SESSION)
			continue;
		if (line_offers(p, parent->parent, need) ||
			(t->parent && session_is_beside(p->f, t->parent, need)))
			p->m[t->parent].birth = need;
	}
}

static bool before_setsid(const struct planner *p, unsigned i)
{
	const struct snap_task *t = family_task(p->f, i),
			       *parent = family_task(p->f, t->parent);

	return p->m[i].birth != ANY_SESSION && p->m[i].birth != parent->sid &&
	       family_leads(parent) && p->m[t->parent].birth == p->m[i].birth;
}

static bool after_setsid(const struct planner *p, unsigned i)
{
	const struct snap_task *t = family_task(p->f, i),
			       *parent = family_task(p->f, t->parent);

	return p->m[i].birth == ANY_SESSION || p->m[i].birth == parent->sid;
}

static void bear(struct planner *p, unsigned maker, unsigned child, pid_t group)
{
	family_step(p->f, FAMILY_BEAR, maker, child, 0);
	p->m[child].group = group;
	p->m[child].made = true;
}

static int cannot_make(const struct snap_task *t, struct err *err)
{
	return err_set(err, EOPNOTSUPP,
		"pid %d is in session %d, whose leader cannot make it", t->pid, t->sid);
}

/* The session's leader is gone: a helper under its pid founds it and makes the children.
 */
static int bear_by_helper(
	struct planner *p, unsigned parent, unsigned first, pid_t sid, struct err *err)
{
	unsigned h;

	for (size_t i = 0; i < p->f->helpers; i++)
		if (p->f->helper[i].pid == sid)
			return cannot_make(family_task(p->f, first), err);
	if (!sid)
		return cannot_make(family_task(p->f, first), err);
	h = family_helper(p->f, parent, parent, sid, sid);
	family_step(p->f, FAMILY_SETSID, h, 0, 0);
	for (int c = first; c >= 0; c = p->next[c]) {
		if (p->m[c].made || p->m[c].birth != sid || after_setsid(p, c))
			continue;
		family_step(p->f, FAMILY_ADOPT, h, c, 0);
		p->m[c].group = sid;
		p->m[c].made = true;
	}
	return 0;
}

/* The leader lives elsewhere in the tree: a helper below it makes the child and dies. */
static int bear_by_leader(
	struct planner *p, unsigned leader, unsigned child, struct err *err)
{
	struct family *f = p->f;
	unsigned parent = family_task(f, child)->parent, h;

	if (family_task(f, leader)->parent == (int)parent) {
		family_step(f, FAMILY_ADOPT, leader, child, 0);
	} else if (!is_below(f, leader, parent)) {
		return cannot_make(family_task(f, child), err);
	} else {
		if (++p->spare > 4000000)
			return err_set(err, EOPNOTSUPP, "no pid is left for a helper");
		family_step(f, FAMILY_SUBREAPER, parent, 0, 1);
		h = family_helper(
			f, leader, leader, p->spare, family_task(f, leader)->sid);
		family_step(f, FAMILY_BEAR, h, child, 0);
		family_step(f, FAMILY_DISMISS, h, leader, 0);
		family_step(f, FAMILY_SUBREAPER, parent, 0, 0);
	}
	p->m[child].group = family_task(f, leader)->pid;
	p->m[child].made = true;
	return 0;
}

static void bear_children(struct planner *p, unsigned i)
{
	const struct snap_task *t = family_task(p->f, i);

	if (p->child[i] >= 0 && t->state != SNAP_DEAD)
		family_step(p->f, FAMILY_MEMORY, i, 0, 0);
	for (int c = p->child[i]; c >= 0; c = p->next[c])
		if (before_setsid(p, c))
			bear(p, i, c, p->m[i].group);
	if (family_leads(t)) {
		family_step(p->f, FAMILY_SETSID, i, 0, 0);
		p->m[i].group = t->pid;
	}
	for (int c = p->child[i]; c >= 0; c = p->next[c])
		if (!p->m[c].made && after_setsid(p, c))
			bear(p, i, c, p->m[i].group);
}

/* Somebody whose maker must be another one; 1 when one was made, 0 when all are. */
static int bear_other(struct planner *p, struct err *err)
{
	struct family *f = p->f;
	const struct snap_task *waiting = NULL;

	for (size_t i = 1; i < f->snap->tasks; i++) {
		const struct snap_task *t = family_task(f, i);
		int leader, ret;

		if (p->m[i].made || !p->m[t->parent].made)
			continue;
		waiting = t;
		leader = family_find(f, p->m[i].birth);
		if (leader < 0) {
			ret = bear_by_helper(p, t->parent, i, p->m[i].birth, err);
			return ret ? ret : 1;
		}
		if (!family_leads(family_task(f, leader)))
			return cannot_make(t, err);
		if (!p->m[leader].made)
			continue;
		ret = bear_by_leader(p, leader, i, err);
		return ret ? ret : 1;
	}
	if (waiting)
		return err_set(err, EOPNOTSUPP,
			"pid %d is in session %d, whose leader cannot be made before it",
			waiting->pid, waiting->sid);
	return 0;
}

/* Children have higher numbers than their parents: one pass does all but the exceptions.
 */
static int bear_all(struct planner *p, struct err *err)
{
	int ret;

	do {
		for (size_t i = 0; i < p->f->snap->tasks; i++) {
			if (!p->m[i].made || p->m[i].expanded)
				continue;
			p->m[i].expanded = true;
			bear_children(p, i);
		}
		ret = bear_other(p, err);
	} while (ret > 0);
	return ret;
}

static void dismiss_helpers(struct family *f)
{
	for (size_t i = 0; i < f->helpers; i++) {
		unsigned actor = f->snap->tasks + i;
		bool gone = false;

		for (size_t k = 0; k < f->steps && !gone; k++)
			gone = f->step[k].verb == FAMILY_DISMISS &&
			       f->step[k].who == actor;
		if (!gone)
			family_step(f, FAMILY_DISMISS, actor, f->helper[i].parent, 0);
	}
}

int family_plan(struct family *f, const struct snapshot *snap, struct arena *arena,
	struct err *err)
{
	size_t n = snap->tasks;
	struct planner p = {
		.f = f,
		.m = calloc(n, sizeof(*p.m)),
		.child = calloc(n, sizeof(*p.child)),
		.next = calloc(n, sizeof(*p.next)),
	};
	int ret = 0;

	*f = (struct family){ .arena = arena, .snap = snap };
	if (!p.m || !p.child || !p.next) {
		ret = err_os(err, ENOMEM, "plan");
		goto out;
	}
	plan_init(&p);
	plan_births(&p);
	p.m[0].made = true;
	ret = bear_all(&p, err);
	if (!ret)
		ret = family_groups(&p, err);
	if (!ret)
		dismiss_helpers(f);
out:
	free(p.m);
	free(p.child);
	free(p.next);
	return ret;
}

static const char *const verbs[] = {
	[FAMILY_MEMORY] = "gets its memory",
	[FAMILY_BEAR] = "makes",
	[FAMILY_ADOPT] = "makes, as its sibling,",
	[FAMILY_HELPER] = "makes the helper",
	[FAMILY_SETSID] = "founds its session",
	[FAMILY_SETPGID] = "joins group",
	[FAMILY_SUBREAPER] = "sets whether it takes orphans:",
	[FAMILY_DISMISS] = "ends",
};

void family_print(const struct family *f, FILE *out)
{
	for (size_t i = 0; i < f->steps; i++) {
		const struct family_step *s = &f->step[i];

		fprintf(out, "%d %s", family_pid(f, s->who), verbs[s->verb]);
		if (s->verb == FAMILY_BEAR || s->verb == FAMILY_ADOPT ||
			s->verb == FAMILY_HELPER)
			fprintf(out, " %d", family_pid(f, s->child));
		if (s->verb == FAMILY_SETPGID || s->verb == FAMILY_SUBREAPER)
			fprintf(out, " %d", s->number);
		fputc('\n', out);
	}
}
