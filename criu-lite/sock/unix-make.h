/* SPDX-License-Identifier: GPL-2.0-only */
/* The unix sockets of a tree, at restore: see unix-restore.c and unix-make.c. */
#ifndef CRL_SOCK_UNIX_MAKE_H
#define CRL_SOCK_UNIX_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/sk-packet.pb-c.h"
#include "proto/sk-unix.pb-c.h"
#include "sock/unix-diag.h"

struct err;
struct log;

/* A packet that waits in a socket. */
struct unix_queued {
	struct unix_queued *next;
	const SkPacketEntry *e;
	const uint8_t *data;
	struct unix_made *from; /* NULL: whoever it was has no name */
};

struct unix_made {
	const UnixSkEntry *usk;
	struct unix_made *peer;	    /* the socket it is connected to */
	struct unix_made *listener; /* that it was accepted by */
	struct unix_queued *first, **last;
	bool mutual;	 /* its peer's peer is it */
	bool gone;	 /* connected to one that is closed */
	bool by_connect; /* datagrams: connected when the queues are full, by name */
	bool attached;
	unsigned incoming; /* by_connect: others that must connect to it first */
	int fd;		   /* until the file is opened; -1 */
	int mate;	   /* stands for a peer that is closed; -1 */
};

struct restore_unix {
	struct unix_made *list; /* in order of file ids */
	struct unix_made **by_ino;
	size_t count;
	struct unix_list alive; /* on this machine */
	const struct log *log;
	bool made;
};

/* The path of a socket that has one, as we would find it; false for others. */
bool unix_path(const UnixSkEntry *usk, char *path, size_t size);

/* Make them all, connected, with what waits in them. */
int unix_make_all(struct restore_unix *all, struct err *err);

#endif
