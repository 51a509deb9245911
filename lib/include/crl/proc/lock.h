/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks of files, as the kernel prints them: lines of /proc/locks, and the
 * "lock:" lines of /proc/PID/fdinfo/FD.
 */
#ifndef CRL_PROC_LOCK_H
#define CRL_PROC_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "crl/proc/text.h"

struct err;

enum proc_lock_kind {
	PROC_LOCK_POSIX, /* fcntl: of a process */
	PROC_LOCK_OFD,	 /* fcntl: of an open file description */
	PROC_LOCK_FLOCK,
	PROC_LOCK_LEASE,
	PROC_LOCK_OTHER, /* delegations, share modes, what is not known */
};

#define PROC_LOCK_EOF INT64_MAX

struct proc_lock {
	enum proc_lock_kind kind;
	bool write;
	bool breaking; /* a lease that its holder has been asked to give up */
	bool waits;    /* nobody holds it: a task waits for it */
	int64_t pid;   /* who took it; -1: no process, 0: one that has no pid here */
	uint32_t major, minor; /* of the file system, as in mountinfo */
	uint64_t ino;
	int64_t start, end;    /* both inside of it; end PROC_LOCK_EOF: to the end */
	struct proc_text what; /* all from the kind on, inside the parsed text */
};

/* "1: POSIX  ADVISORY  WRITE 812 fe:00:1234 0 EOF": EINVAL when it does not read so. */
int lock_parse(struct proc_text line, struct proc_lock *out, struct err *err);

/*
 * Take the first line off the rest of an fdinfo (fdinfo.h), where locks come before all
 * else: 1, 0 when it is none of a lock, or -EINVAL.
 */
int lock_next(struct proc_text *rest, struct proc_lock *out, struct err *err);

/* The same lock, as two lines show it: also taken by the same process. */
bool lock_same(const struct proc_lock *a, const struct proc_lock *b);

/* Could the two not be held by two owners at a time? Of the same file, held ones. */
bool lock_conflict(const struct proc_lock *a, const struct proc_lock *b);

#endif
