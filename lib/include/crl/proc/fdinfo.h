/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/fdinfo/FD: an open file as its task sees it. */
#ifndef CRL_PROC_FDINFO_H
#define CRL_PROC_FDINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crl/proc/text.h"

struct err;
struct proc_buf;

struct proc_fdinfo {
	int64_t pos;
	uint32_t flags; /* O_*, with O_CLOEXEC of the descriptor */
	int32_t mnt_id;
	uint64_t ino; /* valid with has_ino: newer than Linux 5.10 */
	bool has_ino;
	struct proc_text rest; /* the lines below, inside the parsed text */
};

/* One line of rest: "tfd: 5 events: 19" is key "tfd", value "5 events: 19". */
struct fdinfo_line {
	struct proc_text key;
	struct proc_text value;
};

/* out->rest points into text. */
int fdinfo_parse(const char *text, size_t len, struct proc_fdinfo *out, struct err *err);

/* dirfd: /proc/PID/fdinfo. out->rest points into buf. */
int fdinfo_read(int dirfd, int fd, struct proc_buf *buf, struct proc_fdinfo *out,
	struct err *err);

/* Take the next line off the front of rest; false when there is none. */
bool fdinfo_next(struct proc_text *rest, struct fdinfo_line *line);

/*
 * The number behind "field:" inside a value ("ino" of "wd:3 ino:9e7e"), or,
 * with field NULL, at its start; base is 8, 10 or 16. false when not there.
 */
bool fdinfo_number(struct proc_text value, const char *field, int base, uint64_t *out);

#endif
