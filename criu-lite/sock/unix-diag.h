/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel tells of unix sockets from outside: see unix-diag.c. */
#ifndef CRL_SOCK_UNIX_DIAG_H
#define CRL_SOCK_UNIX_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

enum unix_state { UNIX_CONNECTED = 1, UNIX_CLOSED = 7, UNIX_LISTENS = 10 };

struct unix_info {
	uint32_t ino;
	uint8_t type, state, shutdown; /* shutdown: 1 reading, 2 writing */
	bool has_peer;
	uint32_t
		peer; /* inode; 0: connected to one that is closed, or not accepted yet */
	uint32_t rqueue; /* a listener: connections that wait; else bytes, the first
			    packet's */
	uint32_t wqueue; /* a listener: its backlog */
	uint32_t vfs_ino, vfs_dev; /* the file of one that is bound to a path, else 0 */
	const uint8_t *name; /* with the NUL of a path, or that before an abstract name */
	size_t name_len;
};

/* All unix sockets of our network namespace, in order of inode. */
struct unix_list {
	struct unix_info *list;
	size_t count;
};

int unix_diag(struct arena *arena, struct unix_list *all, struct err *err);

/* NULL: not in our network namespace. */
const struct unix_info *unix_find(const struct unix_list *all, uint32_t ino);

#endif
