/* SPDX-License-Identifier: GPL-2.0-only */
/* Who on this machine has something open: what it takes to name the one that is in the
 * way. */
#ifndef CRL_FD_HOLDERS_H
#define CRL_FD_HOLDERS_H

#include <sys/types.h>

#include "crl/proc/fdinfo.h"

/* A descriptor of some process. */
struct holder {
	pid_t pid;
	int proc; /* directory /proc/PID */
	int fd;
	struct proc_fdinfo info;
};

/* A value other than 0 ends the walk, and is what it returns. */
typedef int holder_fn(void *arg, const struct holder *h);

/*
 * Call fn for each descriptor of a process; of every process but ourselves. Who is gone,
 * or may not be looked at, is passed over. 0 when fn never said otherwise.
 */
int holders_of(pid_t pid, holder_fn *fn, void *arg);
int holders_all(holder_fn *fn, void *arg);

/* The name of a process, "?" when it is gone. */
#define HOLDER_COMM 64
void holder_comm(pid_t pid, char comm[HOLDER_COMM]);

#endif
