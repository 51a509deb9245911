// SPDX-License-Identifier: GPL-2.0-only
/*
 * The groups of a family, when all are made and in their sessions. Leaders found
 * theirs, members join; a helper plays a leader who is gone. A leader may have
 * left its group to others: then it founds the group, and joins its own last.
 */
#include <errno.h>

#include "crl/err.h"
#include "task/family-planner.h"

static void join(struct planner *p, unsigned i, pid_t group)
{
	family_step(p->f, FAMILY_SETPGID, i, 0, group);
	p->m[i].group = group;
}

/* Is there a reason to hold a group that task i leaves: nobody stays, and somebody is to
 * come? */
static bool must_hold(const struct planner *p, pid_t group, unsigned i)
{
	bool wanted = false;

	for (size_t k = 0; k < p->f->snap->tasks; k++) {
		if (k != i && p->m[k].group == group)
			return false;
		wanted |= k != i && family_task(p->f, k)->pgid == group;
	}
	return wanted;
}

/* The session that a group is in; -1 when there is no such group yet. */
static pid_t session_of(const struct planner *p, pid_t group)
{
	const struct family *f = p->f;

	for (size_t i = 0; i < f->helpers; i++)
		if (f->helper[i].pid == group)
			return f->helper[i].session;
	for (size_t k = 0; k < f->snap->tasks; k++)
		if (p->m[k].group == group)
			return family_task(f, k)->sid;
	return -1;
}

/* The group that task i will join must be there; its leader may have left it, or be gone.
 */
static int found_group(struct planner *p, unsigned i, struct err *err)
{
	const struct snap_task *t = family_task(p->f, i);
	int founder = family_find(p->f, t->pgid);
	pid_t session = session_of(p, t->pgid);

	if (session < 0 && founder >= 0)
		session = family_task(p->f, founder)->sid;
	if (!t->pgid || family_leads(t) || (session >= 0 && session != t->sid))
		return err_set(err, EOPNOTSUPP,
			"pid %d of session %d cannot be put in group %d", t->pid, t->sid,
			t->pgid);
	if (founder >= 0 && p->m[founder].group != t->pgid) {
		join(p, founder, t->pgid);
	} else if (founder < 0 && session < 0) {
		unsigned h = family_helper(p->f, i, i, t->pgid, t->sid);

		family_step(p->f, FAMILY_SETPGID, h, 0, t->pgid);
	}
	return 0;
}

int family_groups(struct planner *p, struct err *err)
{
	struct family *f = p->f;
	size_t n = f->snap->tasks;
	int ret = 0;

	for (size_t i = 0; i < n; i++)
		if (family_task(f, i)->pgid == family_task(f, i)->pid &&
			p->m[i].group != family_task(f, i)->pid)
			join(p, i, family_task(f, i)->pid);
	for (size_t i = 0; i < n && !ret; i++)
		ret = p->m[i].group == family_task(f, i)->pgid ? 0
							       : found_group(p, i, err);
	for (size_t i = 0; i < n && !ret; i++)
		if (p->m[i].group != family_task(f, i)->pgid &&
			p->m[i].group != family_task(f, i)->pid)
			join(p, i, family_task(f, i)->pgid);
	for (size_t i = 0; i < n && !ret; i++) {
		const struct snap_task *t = family_task(f, i);

		if (p->m[i].group == t->pgid)
			continue;
		if (!t->pgid)
			return err_set(err, EOPNOTSUPP, "pid %d led a group and left it",
				t->pid);
		if (must_hold(p, t->pid, i))
			family_helper(f, i, i, ++p->spare, t->sid);
		join(p, i, t->pgid);
	}
	return ret;
}
