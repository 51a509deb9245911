/* SPDX-License-Identifier: GPL-2.0-only */
/* Read what waits in a socket without taking it: see peek.c. */
#ifndef CRL_SOCK_PEEK_H
#define CRL_SOCK_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct err;

struct peeked {
	size_t at, len; /* in data */
	size_t from;	/* where in data the sender's name is; its length: */
	size_t from_len;
	bool has_cred;
	struct ucred cred;
};

struct peek {
	uint8_t *data; /* a mapping */
	size_t size, used;
	struct peeked *packet; /* a mapping */
	size_t count;
	bool rights; /* descriptors are on their way among it */
};

/*
 * All packets of a socket of ours, or, of a stream, pieces of up to 64 KiB. For
 * SOCK_STREAM and SOCK_SEQPACKET `bytes` is how many there are together;
 * `ended` says that nothing can follow. The caller ends with peek_deinit in any
 * case. ENOBUFS: it is too much.
 */
int peek_all(int fd, int type, size_t bytes, bool ended, struct peek *p, struct err *err);
void peek_deinit(struct peek *p);

#endif
