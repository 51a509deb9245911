// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a test asks /proc about itself. No stdio streams and no malloc: a look
 * must not change the heap or the mappings that a test is about.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct lines {
	int fd;
	size_t at, have;
	char buf[8192];
};

/* The next line without its end, valid until the next call; NULL at the end. */
static char *lines_next(struct lines *l)
{
	for (;;) {
		char *end = memchr(l->buf + l->at, '\n', l->have - l->at);
		ssize_t n;

		if (end) {
			char *line = l->buf + l->at;

			*end = '\0';
			l->at = end + 1 - l->buf;
			return line;
		}
		memmove(l->buf, l->buf + l->at, l->have - l->at);
		l->have -= l->at;
		l->at = 0;
		n = read(l->fd, l->buf + l->have, sizeof(l->buf) - l->have - 1);
		if (n <= 0)
			break;
		l->have += n;
	}
	if (!l->have)
		return NULL;
	l->buf[l->have] = '\0';
	l->have = 0;
	return l->buf;
}

long long test_proc_number(const char *path, const char *key, int base)
{
	struct lines l = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
	size_t n = key ? strlen(key) : 0;
	long long value = -1;
	char *line;

	if (l.fd < 0)
		return -1;
	while ((line = lines_next(&l))) {
		char *end;

		if (key && strncmp(line, key, n))
			continue;
		errno = 0;
		value = (long long)strtoull(line + n, &end, base);
		if (end == line + n || errno)
			value = -1;
		break;
	}
	close(l.fd);
	return value;
}

const char *test_read_file(const char *path, size_t *len)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n;

	if (fd < 0)
		return NULL;
	while ((n = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += n;
	close(fd);
	if (n < 0)
		return NULL;
	text[have] = '\0';
	if (len)
		*len = have;
	return text;
}

static bool parse_head(const char *line, struct test_map *m)
{
	int at = 0;

	if (sscanf(line, "%lx-%lx %7s %llx %x:%x %llu %n", &m->start, &m->end, m->perms,
		    &m->pgoff, &m->dev_major, &m->dev_minor, &m->ino, &at) < 7)
		return false;
	snprintf(m->path, sizeof(m->path), "%s", at ? line + at : "");
	return true;
}

static void parse_field(const char *line, struct test_map *m)
{
	static const struct {
		const char *key;
		size_t offset;
	} fields[] = {
		{ "Rss:", offsetof(struct test_map, rss) },
		{ "Pss:", offsetof(struct test_map, pss) },
		{ "Shared_Dirty:", offsetof(struct test_map, shared_dirty) },
		{ "Private_Dirty:", offsetof(struct test_map, private_dirty) },
		{ "Private_Clean:", offsetof(struct test_map, private_clean) },
		{ "Anonymous:", offsetof(struct test_map, anonymous) },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		size_t n = strlen(fields[i].key);

		if (!strncmp(line, fields[i].key, n))
			*(long *)((char *)m + fields[i].offset) =
				strtol(line + n, NULL, 10);
	}
	if (!strncmp(line, "VmFlags:", 8))
		snprintf(m->flags, sizeof(m->flags), "%s", line + 8);
}

/* Calls fn for every mapping until it returns true. */
static bool each_map(bool (*fn)(const struct test_map *m, void *arg), void *arg)
{
	struct lines l = { .fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC) };
	struct test_map m = { 0 };
	bool done = false;
	char *line;

	if (l.fd < 0)
		return false;
	while (!done && (line = lines_next(&l))) {
		struct test_map next = { 0 };

		if (!parse_head(line, &next)) {
			parse_field(line, &m);
			continue;
		}
		done = m.end && fn(&m, arg);
		m = next;
	}
	close(l.fd);
	return done || (m.end && fn(&m, arg));
}

struct find {
	uintptr_t addr;
	struct test_map *map;
};

static bool holds(const struct test_map *m, void *arg)
{
	struct find *find = arg;

	if (find->addr < m->start || find->addr >= m->end)
		return false;
	*find->map = *m;
	return true;
}

bool test_find_map(const void *addr, struct test_map *map)
{
	return each_map(holds, &(struct find){ (uintptr_t)addr, map });
}

struct sum {
	uintptr_t start, end;
	long pss;
};

static bool add_pss(const struct test_map *m, void *arg)
{
	struct sum *sum = arg;

	if (m->start < sum->end && m->end > sum->start)
		sum->pss += m->pss;
	return false;
}

long test_pss(const void *addr, size_t len)
{
	struct sum sum = { (uintptr_t)addr, (uintptr_t)addr + len, 0 };

	each_map(add_pss, &sum);
	return sum.pss;
}

/* Soft-dirty ("sd") is about what happened, not about what the mapping is. */
static bool same_flags(const char *a, const char *b)
{
	while (*a || *b) {
		a += strspn(a, " ");
		b += strspn(b, " ");
		if (!strncmp(a, "sd", 2))
			a += 2;
		else if (!strncmp(b, "sd", 2))
			b += 2;
		else if (strncmp(a, b, 2))
			return false;
		else
			a += 2 * !!*a, b += 2 * !!*b;
	}
	return true;
}

/* Shared anonymous memory is made anew: its inode number says nothing. */
static bool same_file(const struct test_map *a, const struct test_map *b)
{
	if (strcmp(a->path, b->path))
		return false;
	return !strcmp(a->path, "/dev/zero (deleted)") ||
	       (a->ino == b->ino && a->dev_major == b->dev_major &&
		       a->dev_minor == b->dev_minor);
}

int test_check_map_at(
	const char *file, int line, const void *addr, const struct test_map *was)
{
	struct test_map is;

	if (!test_find_map(addr, &is))
		return test_fail(file, line, "nothing mapped at %p", addr);
	if (is.start == was->start && is.end == was->end &&
		!strcmp(is.perms, was->perms) && is.pgoff == was->pgoff &&
		same_file(&is, was) && same_flags(is.flags, was->flags))
		return 0;
	test_msg("was %lx-%lx %s %llx %s %s", was->start, was->end, was->perms,
		was->pgoff, was->path, was->flags);
	test_msg("is  %lx-%lx %s %llx %s %s", is.start, is.end, is.perms, is.pgoff,
		is.path, is.flags);
	return test_fail(file, line, "mapping of %p is not as it was", addr);
}

void *test_room(size_t len)
{
	char *p =
		mmap(NULL, len + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		fail("mmap %zu bytes: %m", len);
		exit(1);
	}
	return p + PAGE;
}
