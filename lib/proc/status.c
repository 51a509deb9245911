// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/status: lines "Key:\tvalue".
 *
 * Each kernel shows the lines it knows of, in the same order as others: 5.10
 * lacks SpeculationIndirectBranch, Kthread, untag_mask and x86_Thread_features
 * (which is shown only where the CPU has shadow stacks). A kernel
 * without pid namespaces shows no NS* lines. So nothing is demanded here, and
 * what was found is told by a bit for each line.
 *
 * The table is in the order of the file: a line is looked for from where the
 * last one was found, so that the first comparison nearly always hits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "crl/proc/file.h"
#include "crl/proc/status.h"
#include "scan.h"

struct field;
typedef bool parse_fn(const char *p, const char *end, void *member);

static bool parse_u32(const char *p, const char *end, void *member)
{
	uint64_t v;

	if (!scan_dec(&p, end, &v))
		return false;
	*(uint32_t *)member = (uint32_t)v;
	return true;
}

static bool parse_octal(const char *p, const char *end, void *member)
{
	uint64_t v;

	if (!scan_oct(&p, end, &v))
		return false;
	*(uint32_t *)member = (uint32_t)v;
	return true;
}

static bool parse_hex(const char *p, const char *end, void *member)
{
	scan_string(&p, end, "0x");
	return scan_hex(&p, end, member);
}

static bool parse_ids4(const char *p, const char *end, void *member)
{
	uint32_t *ids = member;
	uint64_t v;

	for (int i = 0; i < 4; i++) {
		scan_blanks(&p, end);
		if (!scan_dec(&p, end, &v))
			return false;
		ids[i] = (uint32_t)v;
	}
	return true;
}

static bool parse_state(const char *p, const char *end, void *member)
{
	if (p == end)
		return false;
	*(char *)member = *p;
	return true;
}

/* "1234 57 1": the last is the one in the task's own pid namespace. */
static bool parse_last(const char *p, const char *end, void *member)
{
	uint64_t v;

	if (!scan_dec(&p, end, &v))
		return false;
	do {
		*(pid_t *)member = (pid_t)v;
		scan_blanks(&p, end);
	} while (scan_dec(&p, end, &v));
	return true;
}

static bool parse_text(const char *p, const char *end, void *member)
{
	size_t len = (size_t)(end - p);
	char *text = member;

	if (len >= STATUS_TEXT_SIZE)
		len = STATUS_TEXT_SIZE - 1;
	memcpy(text, p, len);
	text[len] = '\0';
	return true;
}

/* What the two lines say: "mitigated" and "disabled" both mean no speculation. */
static const struct {
	const char *words;
	enum status_spec spec;
} specs[] = {
	{ "thread vulnerable", STATUS_SPEC_ENABLED },
	{ "thread mitigated", STATUS_SPEC_DISABLED },
	{ "thread force mitigated", STATUS_SPEC_FORCE_DISABLED },
	{ "globally mitigated", STATUS_SPEC_ALWAYS_DISABLED },
	{ "vulnerable", STATUS_SPEC_ALWAYS_ENABLED },
	{ "not vulnerable", STATUS_SPEC_NOT_AFFECTED },
	{ "conditional enabled", STATUS_SPEC_ENABLED },
	{ "conditional disabled", STATUS_SPEC_DISABLED },
	{ "conditional force disabled", STATUS_SPEC_FORCE_DISABLED },
	{ "always disabled", STATUS_SPEC_ALWAYS_DISABLED },
	{ "always enabled", STATUS_SPEC_ALWAYS_ENABLED },
	{ "not affected", STATUS_SPEC_NOT_AFFECTED },
};

static bool parse_spec(const char *p, const char *end, void *member)
{
	struct proc_text words = { p, (size_t)(end - p) };
	enum status_spec *spec = member;

	*spec = STATUS_SPEC_UNKNOWN;
	for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
		if (proc_text_is(words, specs[i].words))
			*spec = specs[i].spec;
	return true;
}

struct field {
	const char *key;
	uint16_t len;
	uint16_t offset;
	parse_fn *parse; /* NULL: needs more than one member, see parse_line */
};

#define FIELD(key, parse, member)                                                        \
	{                                                                                \
		key, sizeof(key) - 1, offsetof(struct proc_status, member), parse        \
	}

static const struct field fields[STATUS_LINES] = {
	[STATUS_UMASK] = FIELD("Umask", parse_octal, umask),
	[STATUS_STATE] = FIELD("State", parse_state, state),
	[STATUS_TGID] = FIELD("Tgid", parse_u32, tgid),
	[STATUS_PID] = FIELD("Pid", parse_u32, pid),
	[STATUS_PPID] = FIELD("PPid", parse_u32, ppid),
	[STATUS_TRACER_PID] = FIELD("TracerPid", parse_u32, tracer_pid),
	[STATUS_UID] = FIELD("Uid", parse_ids4, uid),
	[STATUS_GID] = FIELD("Gid", parse_ids4, gid),
	[STATUS_GROUPS] = FIELD("Groups", NULL, groups),
	[STATUS_NSTGID] = FIELD("NStgid", parse_last, nstgid),
	[STATUS_NSPID] = FIELD("NSpid", NULL, nspid),
	[STATUS_NSPGID] = FIELD("NSpgid", parse_last, nspgid),
	[STATUS_NSSID] = FIELD("NSsid", parse_last, nssid),
	[STATUS_THP_ENABLED] = FIELD("THP_enabled", parse_u32, thp_enabled),
	[STATUS_UNTAG_MASK] = FIELD("untag_mask", parse_hex, untag_mask),
	[STATUS_THREADS] = FIELD("Threads", parse_u32, threads),
	[STATUS_SIG_PND] = FIELD("SigPnd", parse_hex, sig_pending),
	[STATUS_SHD_PND] = FIELD("ShdPnd", parse_hex, shd_pending),
	[STATUS_SIG_BLK] = FIELD("SigBlk", parse_hex, sig_blocked),
	[STATUS_SIG_IGN] = FIELD("SigIgn", parse_hex, sig_ignored),
	[STATUS_SIG_CGT] = FIELD("SigCgt", parse_hex, sig_caught),
	[STATUS_CAP_INH] = FIELD("CapInh", parse_hex, cap_inh),
	[STATUS_CAP_PRM] = FIELD("CapPrm", parse_hex, cap_prm),
	[STATUS_CAP_EFF] = FIELD("CapEff", parse_hex, cap_eff),
	[STATUS_CAP_BND] = FIELD("CapBnd", parse_hex, cap_bnd),
	[STATUS_CAP_AMB] = FIELD("CapAmb", parse_hex, cap_amb),
	[STATUS_NO_NEW_PRIVS] = FIELD("NoNewPrivs", parse_u32, no_new_privs),
	[STATUS_SECCOMP] = FIELD("Seccomp", parse_u32, seccomp),
	[STATUS_SECCOMP_FILTERS] = FIELD("Seccomp_filters", parse_u32, seccomp_filters),
	[STATUS_SSB] = FIELD("Speculation_Store_Bypass", parse_spec, store_bypass),
	[STATUS_IBP] = FIELD("SpeculationIndirectBranch", parse_spec, indirect_branch),
	[STATUS_X86_FEATURES] = FIELD("x86_Thread_features", parse_text, x86_features),
	[STATUS_X86_LOCKED] = FIELD("x86_Thread_features_locked", parse_text, x86_locked),
};

static int parse_groups(
	const char *p, const char *end, struct proc_status *out, struct err *err)
{
	uint64_t gid;

	out->ngroups = 0;
	while (scan_dec(&p, end, &gid)) {
		scan_blanks(&p, end);
		if (out->ngroups == out->groups_cap) {
			size_t cap = out->groups_cap ? out->groups_cap * 2 : 32;
			uint32_t *v = realloc(out->groups, cap * sizeof(*v));

			if (!v)
				return err_os(err, ENOMEM, "list of %zu groups", cap);
			out->groups = v;
			out->groups_cap = cap;
		}
		out->groups[out->ngroups++] = (uint32_t)gid;
	}
	return p == end ? 0 : err_set(err, EINVAL, "status: Groups: not numbers");
}

static int parse_nspid(
	const char *p, const char *end, struct proc_status *out, struct err *err)
{
	uint64_t pid;

	out->nspid_depth = 0;
	while (scan_dec(&p, end, &pid)) {
		if (out->nspid_depth == STATUS_NSPID_MAX)
			return err_set(err, EINVAL, "status: NSpid: more than %d levels",
				STATUS_NSPID_MAX);
		out->nspid[out->nspid_depth++] = (pid_t)pid;
		scan_blanks(&p, end);
	}
	return p == end ? 0 : err_set(err, EINVAL, "status: NSpid: not numbers");
}

/* Most lines are of no interest, and their first letter says so. */
static bool may_be_ours(char first)
{
	return strchr("UTSPGNCux", first);
}

/* The field with this key, looked for from *at on and around; NULL: not ours. */
static const struct field *find_field(const char *key, size_t len, size_t *at)
{
	for (size_t n = 0; len && may_be_ours(key[0]) && n < STATUS_LINES; n++) {
		const struct field *field = &fields[*at];

		*at = *at + 1 == STATUS_LINES ? 0 : *at + 1;
		if (field->len == len && field->key[0] == key[0] &&
			memcmp(field->key, key, len) == 0)
			return field;
	}
	return NULL;
}

static int parse_line(const struct field *field, const char *p, const char *end,
	struct proc_status *out, struct err *err)
{
	size_t line = (size_t)(field - fields);

	scan_blanks(&p, end);
	out->seen |= 1ULL << line;
	if (line == STATUS_GROUPS)
		return parse_groups(p, end, out, err);
	if (line == STATUS_NSPID)
		return parse_nspid(p, end, out, err);
	if (!field->parse(p, end, (char *)out + field->offset))
		return err_set(err, EINVAL, "status: %s: not understood: \"%.*s\"",
			field->key, (int)(end - p), p);
	return 0;
}

int status_parse(const char *text, size_t len, struct proc_status *out, struct err *err)
{
	struct proc_text rest = { text, len }, line, key;
	size_t at = 0;
	int ret = 0;

	*out = (struct proc_status){ .groups = out->groups,
		.groups_cap = out->groups_cap };
	while (ret == 0 && scan_line(&rest, &line)) {
		const char *p = line.s, *end = line.s + line.len;
		const struct field *field;

		if (!scan_until(&p, end, ':', &key))
			continue;
		field = find_field(key.s, key.len, &at);
		if (field)
			ret = parse_line(field, p, end, out, err);
	}
	return ret;
}

int status_read(int dirfd, struct proc_buf *buf, struct proc_status *out, struct err *err)
{
	int ret = proc_read(dirfd, "status", buf, err);

	return ret < 0 ? ret : status_parse(buf->data, buf->len, out, err);
}

void status_deinit(struct proc_status *status)
{
	free(status->groups);
	*status = (struct proc_status){ 0 };
}
