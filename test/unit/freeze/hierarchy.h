/* SPDX-License-Identifier: GPL-2.0-only */
/* Freezer cgroups for tests: one below the root of each hierarchy that is mounted. */
#ifndef TEST_UNIT_FREEZE_HIERARCHY_H
#define TEST_UNIT_FREEZE_HIERARCHY_H

#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <sys/stat.h>

#include "fixture.h"
#include "proc/load.h"

struct hierarchy {
	int version;
	char root[PATH_MAX / 2];  /* where it is mounted */
	char group[PATH_MAX / 2]; /* the cgroup of this test */
	const char *file, *frozen, *thawed;
};

static struct hierarchy hierarchies[] = {
	{ .version = 2, .file = "cgroup.freeze", .frozen = "1", .thawed = "0" },
	{ .version = 1, .file = "freezer.state", .frozen = "FROZEN", .thawed = "THAWED" },
};

static inline bool find_hierarchy(struct hierarchy *h)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;

	while (mounts && !h->root[0] && (m = getmntent(mounts)))
		if (h->version == 2 ? !strcmp(m->mnt_type, "cgroup2")
				    : !strcmp(m->mnt_type, "cgroup") &&
					      hasmntopt(m, "freezer"))
			snprintf(h->root, sizeof(h->root), "%s", m->mnt_dir);
	if (mounts)
		endmntent(mounts);
	snprintf(h->group, sizeof(h->group), "%s/crl-test-%d", h->root, getpid());
	return h->root[0] && !access(h->root, W_OK);
}

static inline void put(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static inline bool reads(const struct hierarchy *h, const char *text)
{
	char path[PATH_MAX], line[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", h->group, h->file);
	f = fopen(path, "re");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	return !strncmp(line, text, strlen(text));
}

static inline void move(pid_t pid, const char *group)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	put(group, "cgroup.procs", text);
}

/* The tree waits for go before it grows, so that all of it is born in the cgroup. */
static inline void small_tree(struct fixture *fx)
{
	while (!fx->go)
		fixture_rest(fx, 100000);
	fixture_grow(fx, 2, 3, 3);
}

static inline struct fixture *start_tree(const struct hierarchy *h)
{
	struct fixture *fx = fixture_new();

	CU_ASSERT_EQUAL_FATAL(mkdir(h->group, 0755), 0);
	fixture_start(fx, small_tree);
	move(fx->root, h->group);
	fx->go = 1;
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 39));
	return fx;
}

static inline void end_tree(struct fixture *fx, const struct hierarchy *h)
{
	put(h->group, h->file, h->thawed);
	fixture_free(fx);
	CU_ASSERT_EQUAL(rmdir(h->group), 0);
}

static inline void each_version(void (*check)(const struct hierarchy *h))
{
	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(*hierarchies); i++)
		if (hierarchies[i].root[0])
			check(&hierarchies[i]);
}

#endif
