// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mappings of a task in a dump, and how many of the pages of each are in it.
 * Pages of shared anonymous memory and of memfds are in an image of the segment,
 * counted where this task maps it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "cmd/json.h"
#include "cmd/print.h"
#include "cmd/show.h"
#include "crl/err.h"
#include "mem/mem.h"
#include "proto/memfd.pb-c.h"
#include "snapshot/look.h"

struct memory {
	struct look *l;
	struct json *j;
	struct look_run *run, *shared;
	size_t runs, shared_runs;
	uint64_t shared_id;
	bool shared_known;
};

static const char *kind_of(const VmaEntry *e)
{
	static const struct {
		uint32_t bits;
		const char *name;
	} kinds[] = {
		{ VMA_AREA_GUARD, "guard pages" },
		{ VMA_AREA_VSYSCALL, "vsyscall" },
		{ VMA_AREA_VDSO, "vdso" },
		{ VMA_AREA_VVAR, "vvar" },
		{ VMA_AREA_SHSTK, "shadow stack" },
		{ VMA_AREA_AIORING, "aio ring" },
		{ VMA_AREA_SOCKET, "socket" },
		{ VMA_AREA_SYSVIPC, "System V memory" },
		{ VMA_AREA_STACK, "stack" },
		{ VMA_AREA_HEAP, "heap" },
		{ VMA_AREA_MEMFD, "memfd" },
		{ VMA_FILE_PRIVATE, "file" },
		{ VMA_FILE_SHARED, "shared file" },
		{ VMA_ANON_SHARED, "shared memory" },
		{ VMA_ANON_PRIVATE, "private" },
	};

	if (e->status & VMA_AREA_MEMFD && e->status & VMA_FILE_SHARED)
		return "shared memfd";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (e->status & kinds[i].bits)
			return kinds[i].name;
	return "?";
}

static bool maps_file(const VmaEntry *e)
{
	return e->status & (VMA_FILE_PRIVATE | VMA_FILE_SHARED | VMA_AREA_MEMFD);
}

static const char *name_of(const struct memory *m, const VmaEntry *e)
{
	const char *name = maps_file(e) ? show_file_name(m->l, e->shmid) : NULL;

	return name ? name : e->crl_name;
}

/* The segment that a mapping shares; false when its pages are the task's own. */
static bool segment_of(struct look *l, const VmaEntry *e, uint64_t *id)
{
	const MemfdInodeEntry *m;

	*id = e->shmid;
	if (e->status & VMA_ANON_SHARED)
		return true;
	m = e->status & VMA_AREA_MEMFD && e->status & VMA_FILE_SHARED
		    ? show_memfd(l, e->shmid)
		    : NULL;
	if (m)
		*id = m->shmid;
	return m;
}

/* Mappings of one segment mostly follow each other. */
static int pages_of(
	struct memory *m, const VmaEntry *e, struct look_pages *pages, struct err *err)
{
	uint64_t id;
	int ret;

	if (!segment_of(m->l, e, &id)) {
		*pages = look_count(m->run, m->runs, e->start, e->end);
		return 0;
	}
	if (!m->shared_known || m->shared_id != id) {
		m->shared_known = true;
		m->shared_id = id;
		ret = look_runs(
			m->l, IMAGE_PAGEMAP_SHMEM, id, &m->shared, &m->shared_runs, err);
		if (ret < 0)
			return ret;
	}
	*pages = look_count(
		m->shared, m->shared_runs, e->pgoff, e->pgoff + (e->end - e->start));
	return 0;
}

static void perms_of(const VmaEntry *e, char perms[5])
{
	perms[0] = e->prot & PROT_READ ? 'r' : '-';
	perms[1] = e->prot & PROT_WRITE ? 'w' : '-';
	perms[2] = e->prot & PROT_EXEC ? 'x' : '-';
	perms[3] = e->flags & MAP_SHARED ? 's' : 'p';
	perms[4] = '\0';
}

static void text_mapping(const VmaEntry *e, const struct look_pages *p, const char *perms,
	const char *name)
{
	printf("  %012" PRIx64 "-%012" PRIx64 " %s %8" PRIu64 "%s  %-13s ", e->start,
		e->end, perms, p->present, p->parent ? "+" : " ", kind_of(e));
	print_name(stdout, name ? name : "");
	if (name && maps_file(e) && e->pgoff)
		printf(" +%#" PRIx64, e->pgoff);
	putchar('\n');
}

static void json_mapping(struct json *j, const VmaEntry *e, const struct look_pages *p,
	const char *perms, const char *name)
{
	json_object(j, NULL);
	json_unsigned(j, "start", e->start);
	json_unsigned(j, "end", e->end);
	json_text(j, "perms", perms);
	json_text(j, "kind", kind_of(e));
	json_text(j, "name", name);
	json_unsigned(j, "offset", e->pgoff);
	json_unsigned(j, "pages", p->present);
	json_unsigned(j, "pages_in_parent", p->parent);
	json_object_end(j);
}

static int show_mapping(struct memory *m, const VmaEntry *e, struct err *err)
{
	struct look_pages pages = { 0 };
	const char *name = name_of(m, e);
	char perms[5];
	int ret = pages_of(m, e, &pages, err);

	if (ret)
		return ret;
	perms_of(e, perms);
	if (m->j)
		json_mapping(m->j, e, &pages, perms, name);
	else
		text_mapping(e, &pages, perms, name);
	return 0;
}

int show_mappings(struct look *l, pid_t pid, struct json *j, struct err *err)
{
	struct memory m = { .l = l, .j = j };
	const MmEntry *mm;
	ProtobufCMessage *msg;
	int ret = look_record(l, IMAGE_MM, pid, &mm_entry__descriptor, &msg, err);

	if (ret)
		return ret < 0 ? ret : 0;
	mm = (const MmEntry *)msg;
	ret = look_runs(l, IMAGE_PAGEMAP, pid, &m.run, &m.runs, err);
	if (ret < 0)
		return ret;
	if (j)
		json_array(j, "mappings", false);
	else
		printf("\nmappings (%zu), and pages of each in the dump:\n", mm->n_vmas);
	ret = 0;
	for (size_t i = 0; i < mm->n_vmas && !ret; i++)
		ret = show_mapping(&m, mm->vmas[i], err);
	if (j)
		json_array_end(j);
	look_forget(l);
	return ret < 0 ? ret : 0;
}
