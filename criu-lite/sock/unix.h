/* SPDX-License-Identifier: GPL-2.0-only */
/* The unix sockets of a tree, at dump: see unix.c. */
#ifndef CRL_SOCK_UNIX_H
#define CRL_SOCK_UNIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/sk-packet.pb-c.h"
#include "proto/sk-unix.pb-c.h"
#include "sock/unix-diag.h"

struct err;
struct files;

struct unix_seen {
	UnixSkEntry *usk;
	const struct unix_info *info;
	pid_t pid;
	const char *comm, *what;
	bool data;
};

struct unix_packet {
	SkPacketEntry *e;
	const uint8_t *data, *from; /* from: name of the sender */
	size_t from_len;
	const struct unix_info *to;
};

struct files_unix {
	struct unix_list all;
	struct unix_seen *seen;
	size_t count, cap;
	struct unix_packet *packet;
	size_t packets, packet_cap;
};

/* All sockets are known: judge what only the tree can tell, and write the queues. */
int unix_finish(struct files *f, struct err *err);

#endif
