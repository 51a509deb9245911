/* SPDX-License-Identifier: GPL-2.0-only */
/* Options that sockets of all families have: see opts.c. */
#ifndef CRL_SOCK_OPTS_H
#define CRL_SOCK_OPTS_H

#include "proto/sk-opts.pb-c.h"

struct arena;
struct err;

/* Read them into a new message; -EACCES when an eBPF program filters, which nobody can
 * read. */
int sock_opts_dump(struct arena *arena, int fd, SkOptsEntry **opts, struct err *err);

int sock_opts_verify(const SkOptsEntry *opts, struct err *err);

/* Set what is not so already: buffer sizes too, so whatever waits in the socket comes
 * before. */
int sock_opts_restore(const SkOptsEntry *opts, int fd, struct err *err);

/* The largest send buffer that we may have, to fill the peer's queue. */
void sock_opts_roomy(int fd);

#endif
