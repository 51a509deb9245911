/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What belongs to no single object: rows {name, what it is for, since when, how
 * to try it}. One array a family, each in a file of its own; features.c walks
 * them, and the tables of objects.
 */
#ifndef CRL_CMD_FEATURES_H
#define CRL_CMD_FEATURES_H

#include <stdbool.h>

struct err;
struct json;

enum need {
	NEED_REQUIRED, /* without it there is no dump, or no restore */
	NEED_USEFUL,   /* some trees need it, or it makes things faster */
	NEED_SCRIPT,   /* told only when asked for */
};

struct feature {
	const char *name;
	enum need need;
	const char *what;	       /* what crl does with it */
	const char *since;	       /* "Linux 5.9", or NULL: any supported kernel */
	int (*probe)(struct err *err); /* answers as feature.h says */
};

/* CRIU's name for something: another name of a feature or object, or what crl does not
 * do. */
struct feature_alias {
	const char *name;
	const char *same_as; /* NULL: absent */
	const char *absent;
};

/* Each ends with a row without a name. */
extern const struct feature features_task[];   /* feature-task.c */
extern const struct feature features_memory[]; /* feature-memory.c */
extern const struct feature features_files[];  /* feature-files.c */
extern const struct feature features_freeze[]; /* feature-freeze.c */
extern const struct feature features_caps[];   /* feature-caps.c */
extern const struct feature features_script[]; /* feature-script.c */
extern const struct feature_alias feature_aliases[];

/*
 * Try all (`all`: also those that only scripts ask for) and print a line for
 * each, or JSON. 0, or 1 when something required is missing.
 */
int features_show(bool all, struct json *j);

/* One, by its name: 0 and a line, 1 and a sentence why not, or -EINVAL: no such name. */
int feature_show(const char *name, struct err *err);

#endif
