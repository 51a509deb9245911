// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl check: the features, tried one after the other. A line each:
 *
 *	ok       NAME  what it is for
 *	limited  NAME  what it is for; the restriction
 *	missing  NAME  what it is for; why; since which kernel
 *	MISSING  NAME  the same, of something that crl cannot do without
 *
 * Objects (kinds of files, attributes of tasks) are asked through their tables:
 * what a kernel must be able to do for one is known where the object is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/features.h"
#include "cmd/json.h"
#include "crl/discover.h"
#include "crl/err.h"
#include "fd/fd.h"
#include "feature.h"
#include "task/task.h"

static const struct feature *const families[] = { features_task, features_memory,
	features_files, features_freeze, features_caps, features_script };
#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* One answer, of whomever. */
struct answer {
	const char *kind; /* "feature", "task", "file", "discovery", "criu" */
	const char *name, *what, *since;
	bool required;
	int ret; /* as feature.h says */
	struct err err;
};

static const char *word(const struct answer *a)
{
	if (a->ret < 0)
		return a->required ? "MISSING" : "missing";
	return a->ret ? "limited" : "ok";
}

/* A newer kernel would not help whoever lacks a privilege. */
static bool tells_since(const struct answer *a)
{
	return a->since && a->ret < 0 && a->ret != -EPERM && a->ret != -EACCES;
}

static void print_text(const struct answer *a)
{
	printf("%-8s %-24s %s", word(a), a->name, a->what);
	if (a->ret)
		printf("; %s", a->err.text);
	if (tells_since(a))
		printf("; since %s", a->since);
	putchar('\n');
}

static void print_json(struct json *j, const struct answer *a)
{
	json_object(j, NULL);
	json_text(j, "kind", a->kind);
	json_text(j, "name", a->name);
	json_text(j, "status", a->ret < 0 ? "missing" : word(a));
	json_bool(j, "required", a->required);
	json_text(j, "what", a->what);
	json_text(j, "since", a->since);
	json_text(j, "note", a->ret ? a->err.text : NULL);
	json_object_end(j);
}

/* ---- who answers ---- */

/* Told of each answer; a value other than 0 ends the walk. */
typedef int answer_fn(void *arg, const struct answer *a);

struct walk {
	const char *only; /* this name, or NULL: all */
	bool all;	  /* with `only` NULL: also NEED_SCRIPT */
	answer_fn *fn;
	void *arg;
};

static bool wanted(const struct walk *w, const char *name, enum need need)
{
	return w->only ? !strcmp(w->only, name) : need != NEED_SCRIPT || w->all;
}

static int walk_family(const struct walk *w, const struct feature *f)
{
	int ret = 0;

	for (; f->name && !ret; f++) {
		struct answer a = { .kind = "feature",
			.name = f->name,
			.what = f->what,
			.since = f->since,
			.required = f->need == NEED_REQUIRED };

		if (!wanted(w, f->name, f->need))
			continue;
		a.ret = f->probe(&a.err);
		ret = w->fn(w->arg, &a);
	}
	return ret;
}

/* The first that works is used. */
static int walk_discovery(const struct walk *w)
{
	const struct discover_backend *const *all = discover_backends();
	struct err ignored;
	const struct discover_backend *used = discover_backend(NULL, &ignored);
	int ret = 0;

	for (; *all && !ret; all++) {
		char name[64];
		struct answer a = { .kind = "discovery",
			.name = name,
			.what = *all == used
					? "find who is in a tree; this one will be used"
					: "find who is in a tree" };

		snprintf(name, sizeof(name), "discover-%s", (*all)->name);
		if (!wanted(w, name, NEED_USEFUL))
			continue;
		a.ret = (*all)->probe(&a.err);
		ret = w->fn(w->arg, &a);
	}
	return ret;
}

static int ask_object(const struct walk *w, const char *kind, const char *name,
	const char *what, int (*check)(struct err *err))
{
	struct answer a = { .kind = kind, .name = name, .what = what };

	if (!wanted(w, name, NEED_USEFUL))
		return 0;
	a.ret = check ? check(&a.err) : 0;
	return w->fn(w->arg, &a);
}

static int walk_objects(const struct walk *w)
{
	int ret = 0;

	for (unsigned i = 0; i < task_table_size && !ret; i++)
		ret = ask_object(w, "task", task_table[i]->name,
			task_table[i]->scope == TASK_THREAD ? "of a thread" : "of a task",
			task_table[i]->check);
	for (unsigned i = 0; i < fd_table_size && !ret; i++)
		ret = ask_object(
			w, "file", fd_table[i]->name, "open file", fd_table[i]->check);
	return ret;
}

static int walk_all(const struct walk *w);

static int walk_aliases(const struct walk *w)
{
	int ret = 0;

	for (const struct feature_alias *f = feature_aliases; f->name && !ret; f++) {
		struct answer a = {
			.kind = "criu", .name = f->name, .what = "not in crl"
		};

		if (!wanted(w, f->name, NEED_SCRIPT) || (f->same_as && !w->only))
			continue;
		if (f->same_as) {
			struct walk other = *w;

			other.only = f->same_as;
			return walk_all(&other);
		}
		a.ret = err_set(&a.err, EOPNOTSUPP, "%s", f->absent);
		ret = w->fn(w->arg, &a);
	}
	return ret;
}

static int walk_all(const struct walk *w)
{
	int ret = 0;

	for (size_t i = 0; i < FAMILIES && !ret; i++)
		ret = walk_family(w, families[i]);
	if (!ret)
		ret = walk_discovery(w);
	if (!ret)
		ret = walk_objects(w);
	return ret ? ret : walk_aliases(w);
}

/* ---- what is done with the answers ---- */

struct show {
	struct json *j;
	unsigned missing; /* required ones */
};

static int show_one(void *arg, const struct answer *a)
{
	struct show *s = arg;

	s->missing += a->required && a->ret < 0;
	if (s->j)
		print_json(s->j, a);
	else
		print_text(a);
	return 0;
}

int features_show(bool all, struct json *j)
{
	struct show s = { .j = j };
	const struct walk w = { .all = all, .fn = show_one, .arg = &s };

	if (j) {
		json_object(j, NULL);
		json_array(j, "features", false);
	}
	walk_all(&w);
	if (j) {
		json_array_end(j);
		json_bool(j, "ok", !s.missing);
		json_object_end(j);
	} else if (s.missing) {
		printf("%u required feature%s missing\n", s.missing,
			s.missing == 1 ? " is" : "s are");
	} else {
		printf("Looks good: all that is required is there\n");
	}
	return s.missing ? 1 : 0;
}

enum { FEATURE_YES = 1, FEATURE_NO = 2 };

static int decide(void *arg, const struct answer *a)
{
	struct answer *out = arg;

	*out = *a;
	return a->ret ? FEATURE_NO : FEATURE_YES;
}

int feature_show(const char *name, struct err *err)
{
	struct answer a;
	const struct walk w = { .only = name, .fn = decide, .arg = &a };
	int ret = walk_all(&w);

	if (!ret)
		return err_set(err, EINVAL,
			"no feature is called %s; crl check --all lists them", name);
	if (ret == FEATURE_YES) {
		printf("%s is supported\n", name);
		return 0;
	}
	fprintf(stderr, "crl: %s is not supported: %s", name, a.err.text);
	if (tells_since(&a))
		fprintf(stderr, "; since %s", a.since);
	fputc('\n', stderr);
	return 1;
}
