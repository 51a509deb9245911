// SPDX-License-Identifier: GPL-2.0-only
/*
 * Credentials of a thread: four user and group ids, supplementary groups, the
 * five capability sets, securebits, no_new_privs. /proc/PID/task/TID/status
 * shows all but the securebits, which only the thread can ask for.
 *
 * Order of restore: groups and ids change while the thread still has all that
 * crl has, with SECBIT_NO_SETUID_FIXUP so that leaving uid 0 drops nothing;
 * then the bounding set (needs CAP_SETPCAP), the sets themselves, the ambient
 * set (a subset of permitted and inheritable), the securebits while
 * CAP_SETPCAP is still effective, and last the effective set. A thread that
 * already has what it should is left alone.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define GROUPS_MAX   65536
#define ID_UNCHANGED 0xffffffffu

static int creds_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	batch_call1(b, "PR_GET_SECUREBITS", SYS_prctl, PR_GET_SECUREBITS);
	return 0;
}

static void cap_words(struct arena *a, uint64_t caps, size_t *n, uint32_t **words)
{
	uint32_t both[2] = { (uint32_t)caps, (uint32_t)(caps >> 32) };

	*n = 2;
	*words = arena_copy(a, both, sizeof(both));
}

static int creds_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	struct arena *a = t->task->arena;
	const struct proc_status *s = &t->status;
	CredsEntry *c = arena_msg(a, CredsEntry, creds_entry);

	c->uid = s->uid[0], c->euid = s->uid[1], c->suid = s->uid[2],
	c->fsuid = s->uid[3];
	c->gid = s->gid[0], c->egid = s->gid[1], c->sgid = s->gid[2],
	c->fsgid = s->gid[3];
	cap_words(a, s->cap_inh, &c->n_cap_inh, &c->cap_inh);
	cap_words(a, s->cap_prm, &c->n_cap_prm, &c->cap_prm);
	cap_words(a, s->cap_eff, &c->n_cap_eff, &c->cap_eff);
	cap_words(a, s->cap_bnd, &c->n_cap_bnd, &c->cap_bnd);
	cap_words(a, s->cap_amb, &c->n_cap_amb, &c->cap_amb);
	c->n_groups = s->ngroups;
	c->groups = arena_copy(a, s->groups, s->ngroups * sizeof(*s->groups));
	c->secbits = batch_ret(b, first);
	if (s->no_new_privs) {
		c->has_no_new_privs = true;
		c->no_new_privs = 1;
	}
	t->core->thread_core->creds = c;
	return 0;
}

static uint64_t cap_value(size_t n, const uint32_t *words)
{
	return (n > 0 ? words[0] : 0) | (n > 1 ? (uint64_t)words[1] << 32 : 0);
}

static void set_ids(struct batch *b, const CredsEntry *c)
{
	batch_call2(b, "setgroups", SYS_setgroups, c->n_groups,
		batch_in(b, c->groups, c->n_groups * sizeof(*c->groups)));
	batch_call3(b, "setresgid", SYS_setresgid, c->gid, c->egid, c->sgid);
	batch_call1(b, "setfsgid", SYS_setfsgid, c->fsgid);
	batch_call3(b, "setresuid", SYS_setresuid, c->uid, c->euid, c->suid);
	batch_call1(b, "setfsuid", SYS_setfsuid, c->fsuid);
	/* Neither setfsgid nor setfsuid tells of a failure: ask again what is set. */
	batch_call1(b, "setfsgid", SYS_setfsgid, ID_UNCHANGED);
	batch_must_be(b, c->fsgid);
	batch_call1(b, "setfsuid", SYS_setfsuid, ID_UNCHANGED);
	batch_must_be(b, c->fsuid);
}

static void set_caps(struct batch *b, uint64_t eff, uint64_t prm, uint64_t inh)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)eff, (uint32_t)prm, (uint32_t)inh },
		{ eff >> 32, prm >> 32, inh >> 32 },
	};

	batch_call2(b, "capset", SYS_capset, batch_in(b, &head, sizeof(head)),
		batch_in(b, data, sizeof(data)));
}

static void set_ambient(struct batch *b, uint64_t amb)
{
	batch_call5(b, "PR_CAP_AMBIENT_CLEAR_ALL", SYS_prctl, PR_CAP_AMBIENT,
		PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int cap = 0; cap < 64; cap++)
		if (amb >> cap & 1)
			batch_call5(b, "PR_CAP_AMBIENT_RAISE", SYS_prctl, PR_CAP_AMBIENT,
				PR_CAP_AMBIENT_RAISE, cap, 0, 0);
}

/* Does the new thread have these credentials already? It has those of crl, `own`. */
static bool same_as_own(const CredsEntry *c, const struct proc_status *own)
{
	const uint32_t uid[4] = { c->uid, c->euid, c->suid, c->fsuid };
	const uint32_t gid[4] = { c->gid, c->egid, c->sgid, c->fsgid };

	return !c->secbits && !memcmp(uid, own->uid, sizeof(uid)) &&
	       !memcmp(gid, own->gid, sizeof(gid)) && c->n_groups == own->ngroups &&
	       (!c->n_groups || !memcmp(c->groups, own->groups,
					own->ngroups * sizeof(*own->groups))) &&
	       cap_value(c->n_cap_inh, c->cap_inh) == own->cap_inh &&
	       cap_value(c->n_cap_prm, c->cap_prm) == own->cap_prm &&
	       cap_value(c->n_cap_eff, c->cap_eff) == own->cap_eff &&
	       cap_value(c->n_cap_bnd, c->cap_bnd) == own->cap_bnd &&
	       cap_value(c->n_cap_amb, c->cap_amb) == own->cap_amb;
}

static void set_all(struct batch *b, const CredsEntry *c, uint64_t bnd_now)
{
	uint64_t eff = cap_value(c->n_cap_eff, c->cap_eff);
	uint64_t prm = cap_value(c->n_cap_prm, c->cap_prm);
	uint64_t inh = cap_value(c->n_cap_inh, c->cap_inh);
	uint64_t drop = bnd_now & ~cap_value(c->n_cap_bnd, c->cap_bnd);

	batch_call2(b, "PR_SET_SECUREBITS", SYS_prctl, PR_SET_SECUREBITS,
		SECBIT_NO_SETUID_FIXUP);
	set_ids(b, c);
	for (int cap = 0; cap < 64; cap++)
		if (c->n_cap_bnd && drop >> cap & 1)
			batch_call2(
				b, "PR_CAPBSET_DROP", SYS_prctl, PR_CAPBSET_DROP, cap);
	/* CAP_SETPCAP must survive until the securebits are set: it is in prm or dropped
	 * last. */
	set_caps(b, prm | 1ull << CAP_SETPCAP, prm | 1ull << CAP_SETPCAP, inh);
	set_ambient(b, cap_value(c->n_cap_amb, c->cap_amb));
	batch_call2(b, "PR_SET_SECUREBITS", SYS_prctl, PR_SET_SECUREBITS, c->secbits);
	set_caps(b, eff, prm, inh);
}

static int creds_restore(struct restore_thread *t, struct err *err)
{
	const CredsEntry *c = t->core->thread_core->creds;
	struct batch *b = &t->p->b;
	int ret = 0;

	if (!same_as_own(c, t->own)) {
		ret = puppet_room(
			t->p, 160, 1024 + c->n_groups * sizeof(*c->groups), err);
		set_all(b, c, t->own->cap_bnd);
	}
	if (!ret && c->no_new_privs)
		batch_call5(b, "PR_SET_NO_NEW_PRIVS", SYS_prctl, PR_SET_NO_NEW_PRIVS, 1,
			0, 0, 0);
	return ret;
}

static int creds_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const CredsEntry *c = core->thread_core->creds;

	if (!c)
		return err_set(err, EINVAL, "none in the image");
	if (c->n_groups > GROUPS_MAX)
		return err_set(err, EINVAL, "%zu supplementary groups", c->n_groups);
	if (c->lsm_profile && *c->lsm_profile)
		return err_set(err, EOPNOTSUPP,
			"security profile %s: profiles are not restored", c->lsm_profile);
	return 0;
}

const struct task_ops creds_ops = {
	.name = "credentials",
	.scope = TASK_THREAD,
	.ask = creds_ask,
	.take = creds_take,
	.restore = creds_restore,
	.verify = creds_verify,
};
