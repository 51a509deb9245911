// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Freezing by cgroup, in both versions:
 *
 *	version 2	cgroup.freeze takes 1 and 0; cgroup.events says "frozen 1"
 *			when everybody has arrived, and can be polled for it
 *	version 1	freezer.state takes FROZEN and THAWED, and reads FREEZING until
 *			everybody has arrived; there is no event for that
 *
 * Both freeze the cgroups below as well. A cgroup may also be frozen because one
 * above it is: that is not ours to thaw.
 *
 * ptrace in a frozen cgroup: with version 2 a thread leaves the freezer for a
 * ptrace-stop and reports it. With version 1 it sits in the refrigerator, deep
 * in the signal code, and stops when it is thawed, before it returns to user code.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/cgroup.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "crl/proc/file.h"
#include "freezing.h"
#include "guardian.h"

#define MS_NS	      1000000LL
#define POLL_FIRST_NS 100000L
#define POLL_LAST_NS  5000000L

struct version {
	int number;
	const char *file, *frozen, *thawed;
};

static const struct version versions[] = {
	{ 2, "cgroup.freeze", "1", "0" },
	{ 1, "freezer.state", "FROZEN", "THAWED" },
};

struct cgroup_freezer {
	const struct version *version;
	int dir, file;
	bool was_frozen;
	bool frozen; /* as far as our own doing goes */
	struct guardian guardian;
};

static int set_frozen(struct cgroup_freezer *c, bool frozen, struct err *err)
{
	const char *text = frozen ? c->version->frozen : c->version->thawed;

	if (FAULT(FREEZE_CGROUP) || write(c->file, text, strlen(text)) < 0)
		return err_os(err, errno, "write %s to %s", text, c->version->file);
	c->frozen = frozen;
	return 0;
}

static int read_word(const struct cgroup_freezer *c, const char *name, char *out,
	size_t size, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	int ret = proc_read(c->dir, name, &buf, err);

	if (!ret)
		snprintf(out, size, "%.*s", (int)strcspn(buf.data, "\n"), buf.data);
	return ret;
}

/* Has everybody arrived? 1, 0 or -errno. */
static int all_frozen(const struct cgroup_freezer *c, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	int ret;

	if (c->version->number == 2) {
		ret = proc_read(c->dir, "cgroup.events", &buf, err);
		return ret ? ret : strstr(buf.data, "frozen 1") != NULL;
	}
	ret = proc_read(c->dir, c->version->file, &buf, err);
	return ret ? ret : !strncmp(buf.data, "FROZEN", 6);
}

/* Wait for a change, or for a while: version 1 has no event. */
static void await_change(int events, long *pause_ns, long long left_ns)
{
	struct pollfd wait = { .fd = events, .events = POLLPRI };
	struct timespec pause = { .tv_nsec = *pause_ns };

	if (events >= 0) {
		poll(&wait, 1, (int)(left_ns / MS_NS) + 1);
		return;
	}
	nanosleep(&pause, NULL);
	if (*pause_ns < POLL_LAST_NS)
		*pause_ns *= 2;
}

static int await_frozen(const struct cgroup_freezer *c, int timeout_ms, struct err *err)
{
	auto_fd int events = openat(c->dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	long long deadline = freezing_now() + timeout_ms * MS_NS;
	long pause_ns = POLL_FIRST_NS;
	char byte[64];

	for (;;) {
		long long left;
		int ret;

		/* A poll tells of what changed since the last read of this descriptor. */
		if (FAULT(FREEZE_WAIT) ||
			(events >= 0 && pread(events, byte, sizeof(byte), 0) < 0))
			return err_os(err, errno, "cgroup.events");
		ret = all_frozen(c, err);
		if (ret)
			return ret < 0 ? ret : 0;
		left = deadline - freezing_now();
		if (left <= 0)
			return err_set(err, ETIMEDOUT,
				"not everybody in the cgroup froze within %d ms",
				timeout_ms);
		await_change(events, &pause_ns, left);
	}
}

/* Version 2: is a cgroup above frozen? The root has no such file. */
static int frozen_above(const struct cgroup_freezer *c, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	auto_fd int dir = openat(c->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (dir >= 0) {
		int ret = proc_read(dir, "cgroup.freeze", &buf, err);
		int up;

		if (ret)
			return ret == -ENOENT ? 0 : ret;
		if (buf.data[0] == '1')
			return 1;
		up = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(dir);
		dir = up;
	}
	return err_os(err, errno, "the cgroup above");
}

/* Frozen from above? Then nothing that we write would help. */
static int check_above(const struct cgroup_freezer *c, struct err *err)
{
	char above[16] = "";
	int ret;

	if (c->version->number == 2) {
		ret = frozen_above(c, err);
	} else {
		ret = read_word(c, "freezer.parent_freezing", above, sizeof(above), err);
		ret = ret ? ret : !strcmp(above, "1");
	}
	if (ret > 0)
		return err_set(err, EBUSY,
			"it is frozen through a cgroup above it; thaw that one first");
	return ret;
}

static int find_state(struct cgroup_freezer *c, struct err *err)
{
	char own[16] = "";
	int ret = read_word(c,
		c->version->number == 1 ? "freezer.self_freezing" : c->version->file, own,
		sizeof(own), err);

	c->was_frozen = c->frozen = !strcmp(own, "1");
	return ret ? ret : check_above(c, err);
}

static int open_files(struct cgroup_freezer *c, const char *path, struct err *err)
{
	c->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir < 0)
		return err_os(err, errno, "open");
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		c->version = &versions[i];
		c->file = openat(c->dir, c->version->file, O_WRONLY | O_CLOEXEC);
		if (c->file >= 0)
			return 0;
		if (errno != ENOENT)
			return err_os(err, errno, "%s", c->version->file);
	}
	return err_set(err, EINVAL, "not a freezer cgroup: it has neither %s nor %s",
		versions[0].file, versions[1].file);
}

static int hold(
	struct cgroup_freezer *c, const char *path, int timeout_ms, struct err *err)
{
	int ret = open_files(c, path, err);

	if (!ret)
		ret = find_state(c, err);
	if (ret)
		return ret;
	if (c->was_frozen)
		return guardian_start(&c->guardian, c->file, c->version->frozen, -1, err);
	ret = guardian_start(
		&c->guardian, c->file, c->version->thawed, 2 * timeout_ms, err);
	if (!ret)
		ret = set_frozen(c, true, err);
	return ret ? ret : await_frozen(c, timeout_ms, err);
}

int cgroup_freezer_hold(
	const char *path, int timeout_ms, struct cgroup_freezer **out, struct err *err)
{
	struct cgroup_freezer *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return err_os(err, ENOMEM, "cgroup");
	c->dir = c->file = -1;
	ret = hold(c, path, timeout_ms, err);
	if (ret)
		cgroup_freezer_release(c, true);
	else
		*out = c;
	return ret;
}

int cgroup_freezer_version(const struct cgroup_freezer *c)
{
	return c->version->number;
}

bool cgroup_freezer_was_frozen(const struct cgroup_freezer *c)
{
	return c->was_frozen;
}

int cgroup_freezer_thaw(struct cgroup_freezer *c, struct err *err)
{
	int ret = c->frozen ? set_frozen(c, false, err) : 0;

	/* Who found it frozen must stay to freeze it again. */
	if (!ret && !c->was_frozen)
		guardian_dismiss(&c->guardian);
	return ret;
}

void cgroup_freezer_release(struct cgroup_freezer *c, bool as_found)
{
	struct err scratch;
	bool frozen;

	if (!c)
		return;
	frozen = as_found && c->was_frozen;
	/* When that fails the guardian tries too: it is left to see us go. */
	if (c->frozen == frozen || !set_frozen(c, frozen, &scratch))
		guardian_dismiss(&c->guardian);
	if (c->dir >= 0)
		close(c->dir);
	if (c->file >= 0)
		close(c->file);
	free(c);
}
