// SPDX-License-Identifier: GPL-2.0-only
/*
 * All five capability sets, each different from the others, the securebits and
 * no_new_privs: of a child with uid 0, of one with another uid, of one without
 * anything.
 *
 * zdtm: needs=root
 */
#include "task.h"
#include "zdtm.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(cap) (1ULL << (cap))

static const char *const lines[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
	"NoNewPrivs", "Uid", "Gid" };

static const struct row {
	uid_t uid;
	uint64_t inh, prm, eff, dropped, amb; /* dropped: from the bounding set */
	int securebits, nnp;
} rows[] = {
	{ .inh = BIT(CAP_CHOWN) | BIT(CAP_SETUID),
		.prm = BIT(CAP_CHOWN) | BIT(CAP_NET_BIND_SERVICE),
		.eff = BIT(CAP_NET_BIND_SERVICE),
		.dropped = BIT(CAP_SYS_TIME),
		.amb = BIT(CAP_CHOWN),
		.securebits = SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS },
	{ .uid = 1500,
		.inh = BIT(CAP_KILL) | BIT(CAP_FOWNER),
		.amb = BIT(CAP_KILL),
		.prm = BIT(CAP_KILL) | BIT(CAP_FOWNER) | BIT(CAP_DAC_OVERRIDE),
		.eff = BIT(CAP_KILL) | BIT(CAP_DAC_OVERRIDE),
		.nnp = 1,
		.dropped = BIT(CAP_DAC_OVERRIDE) | BIT(CAP_MKNOD) | BIT(CAP_WAKE_ALARM),
		.securebits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED },
	{ .uid = 1501, .nnp = 1, .dropped = ~0ULL },
};

static int capset64(const struct row *r)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { r->eff, r->prm, r->inh },
		{ r->eff >> 32, r->prm >> 32, r->inh >> 32 } };

	return syscall(SYS_capset, &head, data);
}

static int set_ids(uid_t id)
{
	return setresgid(id, id, id) || setresuid(id, id, id) ? -1 : 0;
}

static int set(const struct row *r)
{
	for (int cap = 0; cap < 64; cap++)
		if (r->dropped & BIT(cap) && prctl(PR_CAPBSET_READ, cap) == 1 &&
			prctl(PR_CAPBSET_DROP, cap))
			return -1;
	if (prctl(PR_SET_SECUREBITS, r->securebits | SECBIT_NO_SETUID_FIXUP) ||
		(r->uid && set_ids(r->uid)) || prctl(PR_SET_SECUREBITS, r->securebits) ||
		capset64(r))
		return -1;
	for (int cap = 0; cap < 64; cap++)
		if (r->amb & BIT(cap) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return -1;
	return r->nnp ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

static int child(void *arg)
{
	const struct row *r = arg;
	char was[COUNT(lines)][128], is[128];

	if (set(r))
		return fail("row of uid %d: %m", r->uid);
	for (int i = 0; i < COUNT(lines); i++)
		test_status(getpid(), lines[i], was[i], sizeof(was[i]));
	test_child_ready();
	test_waitsig();
	sabotage("effective", capset64(&(struct row){ .prm = r->prm, .inh = r->inh }));
	sabotage("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	sabotage("nnp", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	sabotage("securebits",
		prctl(PR_SET_KEEPCAPS, !(r->securebits & SECBIT_KEEP_CAPS)));
	for (int i = 0; i < COUNT(lines); i++)
		if (!test_status(getpid(), lines[i], is, sizeof(is)) ||
			strcmp(is, was[i]))
			return fail("%s: %s, was %s", lines[i], is, was[i]);
	if (prctl(PR_GET_SECUREBITS) == r->securebits)
		return 0;
	return fail("securebits %#x, were %#x", prctl(PR_GET_SECUREBITS), r->securebits);
}

int main(int argc, char **argv)
{
	pid_t pids[COUNT(rows)];
	int bad = 0;

	test_init(argc, argv);
	for (int i = 0; i < COUNT(rows); i++)
		pids[i] = test_fork(child, (void *)&rows[i]);

	test_daemon();
	test_waitsig();

	for (int i = 0; i < COUNT(rows); i++)
		bad |= test_join(pids[i]);
	if (bad)
		return 1;
	pass();
	return 0;
}
