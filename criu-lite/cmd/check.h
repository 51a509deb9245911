/* SPDX-License-Identifier: GPL-2.0-only */
/* The forms of `crl check` that look at something: see their files. */
#ifndef CRL_CMD_CHECK_H
#define CRL_CMD_CHECK_H

struct err;
struct options;

/* Of a process tree: 0, 1 when there are obstacles (which were printed), or -errno. */
int check_tree(const struct options *o, struct err *err);

/* Of a dump: 0, or -errno with what is wrong with it. */
int check_dump(const struct options *o, struct err *err);

#endif
