// SPDX-License-Identifier: GPL-2.0-only
/*
 * See sandbox.h. It takes a mount namespace of our own, in which every mount is
 * made read-only, without devices (mount_setattr(2), Linux 5.12).
 */
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sandbox.h"

#define SCRATCH "/mnt" /* any directory that is always there */

static void must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	fprintf(stderr, "this target wants root and Linux 5.12: it runs in a sandbox\n");
	exit(1);
}

static void harmless(void)
{
	struct mount_attr none = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
			    MOUNT_ATTR_NOATIME,
		.attr_clr = MOUNT_ATTR__ATIME,
	};
	struct mount_attr write = { .attr_clr = MOUNT_ATTR_RDONLY };
	const char *keep = getenv("FUZZ_KEEP");

	if (keep)
		must(!mount(keep, keep, NULL, MS_BIND, NULL), keep);
	must(!mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &none, sizeof(none)),
		"mount_setattr");
	if (keep)
		must(!mount_setattr(AT_FDCWD, keep, 0, &write, sizeof(write)), keep);
}

int sandbox_enter(void)
{
	int dir;

	must(!unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC), "unshare");
	must(!mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), "mounts");
	harmless();
	must(!mount("fuzz", SCRATCH, "tmpfs", MS_NODEV | MS_NOSUID, "size=64m"), SCRATCH);
	dir = open(SCRATCH, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir >= 0, SCRATCH);
	return dir;
}
