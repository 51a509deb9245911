// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features: the capabilities that crl has, by name. Only one is needed for every
 * restore (CAP_SYS_ADMIN includes it); each of the others is for some trees.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/capability.h>

#include "cmd/features.h"
#include "crl/err.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

static bool have(cap_value_t cap)
{
	cap_t all = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (!all)
		return false;
	if (cap_get_flag(all, cap, CAP_EFFECTIVE, &value))
		value = CAP_CLEAR;
	cap_free(all);
	return value == CAP_SET;
}

static int missing(struct err *err)
{
	return err_set(err, EPERM, "crl does not have it");
}

#define CAP_PROBE(function, condition)                                                   \
	static int function(struct err *err)                                             \
	{                                                                                \
		return (condition) ? 0 : missing(err);                                   \
	}

CAP_PROBE(try_restore, have(CAP_CHECKPOINT_RESTORE) || have(CAP_SYS_ADMIN))
CAP_PROBE(try_ptrace, have(CAP_SYS_PTRACE))
CAP_PROBE(try_admin, have(CAP_SYS_ADMIN))
CAP_PROBE(try_setuid, have(CAP_SETUID))
CAP_PROBE(try_setgid, have(CAP_SETGID))
CAP_PROBE(try_setpcap, have(CAP_SETPCAP))
CAP_PROBE(try_kill, have(CAP_KILL))
CAP_PROBE(try_chroot, have(CAP_SYS_CHROOT))
CAP_PROBE(try_nice, have(CAP_SYS_NICE))
CAP_PROBE(try_resource, have(CAP_SYS_RESOURCE))
CAP_PROBE(try_bpf, (have(CAP_BPF) && have(CAP_PERFMON)) || have(CAP_SYS_ADMIN))

const struct feature features_caps[] = {
	{ "CAP_CHECKPOINT_RESTORE", NEED_REQUIRED,
		"pids of new tasks, map_files (or CAP_SYS_ADMIN)", "Linux 5.9",
		try_restore },
	{ "CAP_SYS_PTRACE", NEED_USEFUL,
		"tasks of other users, and those that are not dumpable", NULL,
		try_ptrace },
	{ "CAP_SYS_ADMIN", NEED_USEFUL, "tasks under seccomp", NULL, try_admin },
	{ "CAP_SETUID", NEED_USEFUL, "restore tasks of other users", NULL, try_setuid },
	{ "CAP_SETGID", NEED_USEFUL, "restore tasks of other groups", NULL, try_setgid },
	{ "CAP_SETPCAP", NEED_USEFUL, "restore tasks with fewer capabilities than crl",
		NULL, try_setpcap },
	{ "CAP_KILL", NEED_USEFUL, "end tasks of other users after the dump", NULL,
		try_kill },
	{ "CAP_SYS_CHROOT", NEED_USEFUL, "restore tasks with another root directory",
		NULL, try_chroot },
	{ "CAP_SYS_NICE", NEED_USEFUL, "restore real-time and raised priorities", NULL,
		try_nice },
	{ "CAP_SYS_RESOURCE", NEED_USEFUL,
		"only to raise hard limits above those of crl, and to lower "
		"oom_score_adj",
		NULL, try_resource },
	{ "CAP_BPF", NEED_USEFUL, "with CAP_PERFMON: what remains of interrupted sleeps",
		"Linux 5.8", try_bpf },
	{ 0 },
};
