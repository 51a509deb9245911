// SPDX-License-Identifier: GPL-2.0-only
/* Arenas: see arena.h. Chunks double up to 1 MiB; larger requests get their own. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/arena.h"

#define CHUNK_FIRST 16384
#define CHUNK_MAX   (1 << 20)

struct arena_chunk {
	struct arena_chunk *older;
	size_t size;
	char data[] __attribute__((aligned(16)));
};

static void *arena_pb_alloc(void *data, size_t size)
{
	return arena_alloc(data, size);
}

static void arena_pb_free(void *data, void *p)
{
	/* everything goes with the arena */
}

void arena_init(struct arena *a)
{
	*a = (struct arena){
		.pb = { .alloc = arena_pb_alloc,
			.free = arena_pb_free,
			.allocator_data = a },
	};
}

static void chunks_free(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *older = c->older;

		free(c);
		c = older;
	}
}

void arena_deinit(struct arena *a)
{
	chunks_free(a->chunk);
	a->chunk = NULL;
	a->used = 0;
}

void arena_reset(struct arena *a)
{
	if (!a->chunk)
		return;
	chunks_free(a->chunk->older);
	a->chunk->older = NULL;
	memset(a->chunk->data, 0, a->used);
	a->used = 0;
}

static void arena_grow(struct arena *a, size_t n)
{
	size_t size = a->chunk ? 2 * a->chunk->size : CHUNK_FIRST;
	struct arena_chunk *c;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < n)
		size = n;
	c = calloc(1, sizeof(*c) + size);
	if (!c)
		abort();
	c->older = a->chunk;
	c->size = size;
	a->chunk = c;
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (!a->chunk || a->chunk->size - a->used < n)
		arena_grow(a, n);
	p = a->chunk->data + a->used;
	a->used += n;
	return p;
}

void *arena_copy(struct arena *a, const void *p, size_t n)
{
	void *copy = arena_alloc(a, n);

	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *arena_text(struct arena *a, const char *text)
{
	return arena_copy(a, text, strlen(text) + 1);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	char text[4352];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return arena_text(a, text);
}
