/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An arena: memory that is given back all at once. Messages of one task live in
 * one arena. Allocation does not fail: where the system has no memory left crl
 * aborts, which by design harms no task (see visit.h, puppet.h).
 */
#ifndef CRL_SNAPSHOT_ARENA_H
#define CRL_SNAPSHOT_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* newest first */
	size_t used;		   /* in the newest */
	ProtobufCAllocator pb;	   /* for unpacking into this arena */
};

/* The arena must not move afterwards: its allocator points to it. */
void arena_init(struct arena *a);
void arena_deinit(struct arena *a);

/* Keep one chunk, forget what is in it. */
void arena_reset(struct arena *a);

/* Zeroed memory, aligned to 16. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_copy(struct arena *a, const void *p, size_t n);
char *arena_text(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A new message: arena_msg(a, CoreEntry, core_entry). */
#define arena_msg(a, Type, prefix)                                                       \
	({                                                                               \
		Type *msg_ = arena_alloc(a, sizeof(Type));                               \
		prefix##__init(msg_);                                                    \
		msg_;                                                                    \
	})

/* Append to a repeated field kept as (n_list, list); `cap` is the caller's count of room.
 */
#define arena_push(a, list, n, cap, value)                                               \
	do {                                                                             \
		if ((n) == (cap)) {                                                      \
			size_t cap_ = (cap) ? 2 * (size_t)(cap) : 8;                     \
			void *new_ = arena_alloc(a, cap_ * sizeof(*(list)));             \
			if (n)                                                           \
				memcpy(new_, list, (n) * sizeof(*(list)));               \
			(list) = new_;                                                   \
			(cap) = cap_;                                                    \
		}                                                                        \
		(list)[(n)++] = (value);                                                 \
	} while (0)

#endif
