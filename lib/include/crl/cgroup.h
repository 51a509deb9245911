/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Freezer cgroups, of version 2 (cgroup.freeze) and version 1 (freezer.state).
 *
 * A cgroup that was running is held frozen only under the eyes of a guardian: a
 * process that thaws it when the caller dies, however that happens. One that
 * its owner had frozen is thawed for the time of the work, and the guardian
 * freezes it again.
 */
#ifndef CRL_CGROUP_H
#define CRL_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct discover_backend;
struct err;

/*
 * The directory of a freezer cgroup that holds the whole tree of root and
 * nobody else: 1 with path filled, 0 when there is none, or -errno.
 */
int cgroup_freezer_find(pid_t root, const struct discover_backend *backend,
	char path[PATH_MAX], struct err *err);

/*
 * Is everybody in the cgroup (and those below it) in the tree of root? 0,
 * -EBUSY naming one who is not, or another -errno. With whole also: is
 * everybody of the tree in the cgroup?
 */
int cgroup_freezer_check(const char *path, pid_t root,
	const struct discover_backend *backend, bool whole, struct err *err);

struct cgroup_freezer;

/*
 * Freeze the cgroup and wait until all of it is frozen. 0 with *out for
 * cgroup_freezer_release; -ETIMEDOUT (thawed again) when somebody would not.
 * When nothing more is heard of the caller for timeout_ms, the guardian thaws.
 */
int cgroup_freezer_hold(
	const char *path, int timeout_ms, struct cgroup_freezer **out, struct err *err);

/* 1 or 2. Threads frozen by version 1 report their ptrace-stops only when thawed. */
int cgroup_freezer_version(const struct cgroup_freezer *freezer);

/* Was it frozen by its owner before we came? */
bool cgroup_freezer_was_frozen(const struct cgroup_freezer *freezer);

/* Let go those who are not held otherwise. May be called twice. */
int cgroup_freezer_thaw(struct cgroup_freezer *freezer, struct err *err);

/*
 * Put the cgroup back as it was found (as_found false: thawed in any case),
 * dismiss the guardian and free all. NULL is accepted.
 */
void cgroup_freezer_release(struct cgroup_freezer *freezer, bool as_found);

#endif
