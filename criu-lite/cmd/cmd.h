/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands: one file and one row of the table in main.c each. */
#ifndef CRL_CMD_CMD_H
#define CRL_CMD_CMD_H

struct err;
struct log;
struct options;

struct command {
	const char *name;
	/* 0 or another exit status, or -errno with *err filled. */
	int (*run)(const struct options *o, struct err *err);
	const char *summary;
};

int cmd_dump(const struct options *o, struct err *err);
int cmd_restore(const struct options *o, struct err *err);
int cmd_check(const struct options *o, struct err *err);
int cmd_show(const struct options *o, struct err *err);
int cmd_faults(const struct options *o, struct err *err);

#endif
