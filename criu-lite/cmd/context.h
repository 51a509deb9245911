/* SPDX-License-Identifier: GPL-2.0-only */
/* What dump and restore set up the same way: directories, log, scripts. */
#ifndef CRL_CMD_CONTEXT_H
#define CRL_CMD_CONTEXT_H

#include <stdbool.h>
#include <sys/types.h>

#include "crl/log.h"

struct err;
struct options;

struct context {
	const struct options *o;
	int images; /* directory of the images */
	int work;   /* of log, pidfile */
	struct log log;
};

int context_open(struct context *c, const struct options *o, struct err *err);

/* Write the message of a failure to the log file too, if there is one. */
void context_close(struct context *c, const struct err *err);

/*
 * Run every action script, the last given first; all run, even when one fails.
 * EIO when one did; *status is then its exit status. root 0: not known yet.
 */
int context_scripts(const struct context *c, const char *action, pid_t root, int *status,
	struct err *err);

/* Write a pid to --pidfile, which must not exist. */
int context_pidfile(const struct context *c, pid_t pid, struct err *err);

/* Tell whoever waits on --status-fd. */
void context_status_ready(const struct context *c);

bool context_progress(const struct options *o);

#endif
