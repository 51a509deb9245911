// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl show DIR: who is in the dump, below whom, how much memory and how many
 * descriptors each has; what the images take on disk, by kind; when and by what
 * program the dump was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cmd/json.h"
#include "cmd/print.h"
#include "cmd/show.h"
#include "cmd/show-state.h"
#include "crl/err.h"
#include "image/inventory.h"
#include "image/names.h"
#include "snapshot/look.h"

#define DEPTH_SHOWN 30 /* deeper tasks are not indented further */

struct image_file {
	const char *name;
	int kind;
	uint64_t number, size;
};

struct kind_sum {
	size_t files;
	uint64_t bytes;
};

struct tree {
	struct look *l;
	struct names names;
	struct image_file *image;
	size_t images;
	struct kind_sum kind[IMAGE_NR_KINDS];
	uint64_t bytes;
	struct look_pages pages, shared;
	uint64_t mapped;
	size_t threads, mappings, fds;
	struct timespec made;
	/* Indices into the tasks, -1 at the end. */
	int *child, *next;
};

static int image_cmp(const void *left, const void *right)
{
	const struct image_file *a = left, *b = right;

	if (a->kind != b->kind)
		return a->kind - b->kind;
	return (a->number > b->number) - (a->number < b->number);
}

/* What is in the directory and is no image is not counted. */
static int measure_images(struct tree *t, struct err *err)
{
	int dir = t->l->snap.dir, ret = names_read(&t->names, dir);

	if (ret)
		return err_os(err, -ret, "read the directory");
	t->image = arena_alloc(&t->l->snap.arena, t->names.nr * sizeof(*t->image));
	for (size_t i = 0; i < t->names.nr; i++) {
		struct image_file *f = &t->image[t->images];
		struct stat st;

		f->name = t->names.list[i].name;
		f->kind = image_name_parse(f->name, &f->number);
		if (f->kind < 0 || fstatat(dir, f->name, &st, AT_SYMLINK_NOFOLLOW) ||
			!S_ISREG(st.st_mode))
			continue;
		f->size = st.st_size;
		t->kind[f->kind].files++;
		t->kind[f->kind].bytes += f->size;
		t->bytes += f->size;
		t->images++;
		if (f->kind == IMAGE_INVENTORY)
			t->made = st.st_mtim;
	}
	qsort(t->image, t->images, sizeof(*t->image), image_cmp);
	return 0;
}

static int measure_shared(struct tree *t, struct err *err)
{
	for (size_t i = 0; i < t->images; i++) {
		struct look_pages p;
		struct look_run *run;
		size_t runs;
		int ret;

		if (t->image[i].kind != IMAGE_PAGEMAP_SHMEM)
			continue;
		ret = look_runs(
			t->l, IMAGE_PAGEMAP_SHMEM, t->image[i].number, &run, &runs, err);
		if (ret < 0)
			return ret;
		p = look_count(run, runs, 0, UINT64_MAX);
		t->shared.present += p.present;
		t->shared.parent += p.parent;
		look_forget(t->l);
	}
	return 0;
}

static int measure_tasks(struct tree *t, struct err *err)
{
	for (size_t i = 0; i < t->l->tasks; i++) {
		struct look_task *task = &t->l->task[i];
		int ret = look_task(t->l, task, err);

		if (ret)
			return err_in(err, ret, "pid %d", task->pid);
		t->pages.present += task->pages.present;
		t->pages.parent += task->pages.parent;
		t->threads += task->tids;
		t->mapped += task->mapped;
		t->mappings += task->mappings;
		t->fds += task->fds;
	}
	return 0;
}

/* From the last on, so that each list of children is in the order of the image. */
static void link_children(struct tree *t)
{
	size_t n = t->l->tasks;

	t->child = arena_alloc(&t->l->snap.arena, n * sizeof(*t->child));
	t->next = arena_alloc(&t->l->snap.arena, n * sizeof(*t->next));
	for (size_t i = 0; i < n; i++)
		t->child[i] = t->next[i] = -1;
	for (size_t i = n; i--;) {
		int parent = t->l->task[i].parent;

		if (parent >= 0) {
			t->next[i] = t->child[parent];
			t->child[parent] = i;
		}
	}
}

/* ---- text ---- */

static void text_task(const struct look_task *task, unsigned depth)
{
	char mapped[PRINT_SIZE], size[PRINT_SIZE];

	printf("%7d  %-8s %7u  %9s %9llu %9s %5zu  ", task->pid, show_state_word(task),
		task->tids, print_size(mapped, task->mapped),
		(unsigned long long)task->pages.present,
		print_size(size, task->pages.present * 4096), task->fds);
	if (depth)
		printf("%*s\\_ ",
			3 * (int)(depth < DEPTH_SHOWN ? depth - 1 : DEPTH_SHOWN - 1), "");
	print_name(stdout, task->comm);
	putchar('\n');
}

/* All below a task, without recursion: a dump may be as deep as it likes. */
static void text_below(const struct tree *t, int root)
{
	unsigned depth = 0;
	int i = root;

	for (;;) {
		text_task(&t->l->task[i], depth);
		if (t->child[i] >= 0) {
			i = t->child[i];
			depth++;
			continue;
		}
		while (i != root && t->next[i] < 0) {
			i = t->l->task[i].parent;
			depth--;
		}
		if (i == root)
			return;
		i = t->next[i];
	}
}

static void text_head(const struct tree *t, const char *path)
{
	const InventoryEntry *inv = t->l->snap.inventory;
	struct tm tm;
	char when[64] = "?";

	if (localtime_r(&t->made.tv_sec, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &tm);
	print_name(stdout, path);
	printf(": made %s by ", when);
	print_name(stdout, inv->crl && inv->crl->writer ? inv->crl->writer
							: "a program other than crl");
	if (!inv->crl)
		printf(", no checksums");
	printf("\n\n");
}

static void text_images(const struct tree *t)
{
	char size[PRINT_SIZE];

	printf("\nimages:\n");
	for (int k = 0; k < IMAGE_NR_KINDS; k++)
		if (t->kind[k].files)
			printf("  %-14s %7zu file%s  %10s\n", image_kind_info(k)->name,
				t->kind[k].files, t->kind[k].files == 1 ? " " : "s",
				print_size(size, t->kind[k].bytes));
	printf("  %-14s %7zu file%s  %10s\n", "all", t->images,
		t->images == 1 ? " " : "s", print_size(size, t->bytes));
}

static void text_pages(const char *what, const struct look_pages *p)
{
	char size[PRINT_SIZE];

	printf("%s: %llu pages, %s", what, (unsigned long long)p->present,
		print_size(size, p->present * 4096));
	if (p->parent)
		printf("; %llu more in the dump before this one",
			(unsigned long long)p->parent);
	putchar('\n');
}

static void text_tree(const struct tree *t, const char *path)
{
	const struct look *l = t->l;

	text_head(t, path);
	printf("    PID  STATE    THREADS     MAPPED     PAGES      SIZE   FDS  "
	       "COMMAND\n");
	for (size_t i = 0; i < l->tasks; i++)
		if (l->task[i].parent < 0)
			text_below(t, i);
	printf("\n%zu task%s, %zu thread%s, %zu mappings, %zu descriptors of %zu files\n",
		l->tasks, l->tasks == 1 ? "" : "s", t->threads,
		t->threads == 1 ? "" : "s", t->mappings, t->fds, l->files);
	text_pages("private memory", &t->pages);
	text_pages("shared memory", &t->shared);
	text_images(t);
}

/* ---- JSON ---- */

static void json_task(struct json *j, const struct look_task *task)
{
	json_object(j, NULL);
	show_state_json(task, j);
	json_unsigned(j, "mappings", task->mappings);
	json_unsigned(j, "mapped_bytes", task->mapped);
	json_unsigned(j, "pages", task->pages.present);
	json_unsigned(j, "pages_in_parent", task->pages.parent);
	json_unsigned(j, "fds", task->fds);
	json_object_end(j);
}

static void json_head(struct json *j, const struct tree *t, const char *path)
{
	const InventoryEntry *inv = t->l->snap.inventory;
	char when[64] = "";
	struct tm tm;

	json_text(j, "directory", path);
	if (gmtime_r(&t->made.tv_sec, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_text(j, "made", when);
	json_text(j, "writer", inv->crl ? inv->crl->writer : NULL);
	json_bool(j, "checksums", inv->crl);
	json_text(j, "run_id", inv->dump_criu_run_id);
	json_unsigned(j, "image_version", inv->img_version);
}

static void json_totals(struct json *j, const struct tree *t)
{
	json_object(j, "totals");
	json_unsigned(j, "tasks", t->l->tasks);
	json_unsigned(j, "threads", t->threads);
	json_unsigned(j, "mappings", t->mappings);
	json_unsigned(j, "mapped_bytes", t->mapped);
	json_unsigned(j, "pages", t->pages.present);
	json_unsigned(j, "pages_in_parent", t->pages.parent);
	json_unsigned(j, "shared_pages", t->shared.present);
	json_unsigned(j, "fds", t->fds);
	json_unsigned(j, "files", t->l->files);
	json_unsigned(j, "images", t->images);
	json_unsigned(j, "image_bytes", t->bytes);
	json_object_end(j);
}

static void json_tree(struct json *j, const struct tree *t, const char *path)
{
	json_object(j, NULL);
	json_head(j, t, path);
	json_array(j, "tasks", false);
	for (size_t i = 0; i < t->l->tasks; i++)
		json_task(j, &t->l->task[i]);
	json_array_end(j);
	json_totals(j, t);
	json_array(j, "images", false);
	for (size_t i = 0; i < t->images; i++) {
		json_object(j, NULL);
		json_text(j, "name", t->image[i].name);
		json_text(j, "kind", image_kind_info(t->image[i].kind)->name);
		json_unsigned(j, "size", t->image[i].size);
		json_object_end(j);
	}
	json_array_end(j);
	json_object_end(j);
}

int show_tree(struct look *l, const char *path, struct json *j, struct err *err)
{
	struct tree t = { .l = l };
	int ret = measure_images(&t, err);

	if (!ret)
		ret = measure_tasks(&t, err);
	if (!ret)
		ret = measure_shared(&t, err);
	if (!ret) {
		link_children(&t);
		if (j)
			json_tree(j, &t, path);
		else
			text_tree(&t, path);
	}
	names_deinit(&t.names);
	return ret;
}
