/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/status and /proc/PID/task/TID/status. */
#ifndef CRL_PROC_STATUS_H
#define CRL_PROC_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct proc_buf;

/* The lines that are read, in the order in which Linux 6.18 shows them. */
enum status_line {
	STATUS_UMASK,
	STATUS_STATE,
	STATUS_TGID,
	STATUS_PID,
	STATUS_PPID,
	STATUS_TRACER_PID,
	STATUS_UID,
	STATUS_GID,
	STATUS_GROUPS,
	STATUS_NSTGID,
	STATUS_NSPID,
	STATUS_NSPGID,
	STATUS_NSSID,
	STATUS_THP_ENABLED,
	STATUS_UNTAG_MASK,
	STATUS_THREADS,
	STATUS_SIG_PND,
	STATUS_SHD_PND,
	STATUS_SIG_BLK,
	STATUS_SIG_IGN,
	STATUS_SIG_CGT,
	STATUS_CAP_INH,
	STATUS_CAP_PRM,
	STATUS_CAP_EFF,
	STATUS_CAP_BND,
	STATUS_CAP_AMB,
	STATUS_NO_NEW_PRIVS,
	STATUS_SECCOMP,
	STATUS_SECCOMP_FILTERS,
	STATUS_SSB,
	STATUS_IBP,
	STATUS_X86_FEATURES,
	STATUS_X86_LOCKED,
	STATUS_LINES
};

/* Both speculation lines, said in the terms of PR_SET_SPECULATION_CTRL. */
enum status_spec {
	STATUS_SPEC_UNKNOWN, /* not shown, or words that are new */
	STATUS_SPEC_NOT_AFFECTED,
	STATUS_SPEC_ENABLED,	    /* the thread may choose, and speculates */
	STATUS_SPEC_DISABLED,	    /* ... and does not */
	STATUS_SPEC_FORCE_DISABLED, /* ... and may not go back */
	STATUS_SPEC_ALWAYS_ENABLED, /* no choice on this machine */
	STATUS_SPEC_ALWAYS_DISABLED,
};

#define STATUS_NSPID_MAX 33 /* 32 nested pid namespaces and the first */
#define STATUS_TEXT_SIZE 32

/*
 * Begins as all zeroes and may be filled again and again; groups grows and is
 * freed by status_deinit. A field whose line was not there is zero: see seen.
 */
struct proc_status {
	uint64_t seen; /* 1 << STATUS_* */
	char state;
	uint32_t umask;
	pid_t tgid, pid, ppid, tracer_pid;
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint32_t *groups;
	size_t ngroups, groups_cap;
	/* From the namespace of the procfs mount down to the task's own. */
	pid_t nspid[STATUS_NSPID_MAX];
	uint32_t nspid_depth;
	pid_t nstgid, nspgid, nssid; /* in the innermost namespace */
	uint32_t threads;
	uint64_t sig_pending, shd_pending, sig_blocked, sig_ignored, sig_caught;
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	uint32_t no_new_privs, seccomp, seccomp_filters;
	enum status_spec store_bypass, indirect_branch;
	uint32_t thp_enabled;
	uint64_t untag_mask;
	char x86_features[STATUS_TEXT_SIZE]; /* "shstk wrss ", as shown */
	char x86_locked[STATUS_TEXT_SIZE];
};

static inline bool status_has(const struct proc_status *status, enum status_line line)
{
	return status->seen >> line & 1;
}

/* text is one whole status file. */
int status_parse(const char *text, size_t len, struct proc_status *out, struct err *err);

/* dirfd: /proc/PID or /proc/PID/task/TID. */
int status_read(
	int dirfd, struct proc_buf *buf, struct proc_status *out, struct err *err);

void status_deinit(struct proc_status *status);

#endif
