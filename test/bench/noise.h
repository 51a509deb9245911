/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that nothing compresses, whose every word follows from its place: it can be
 * checked without a second copy.
 */
#ifndef BENCH_NOISE_H
#define BENCH_NOISE_H

#include <stdint.h>

static inline uint64_t noise_word(uint64_t place)
{
	uint64_t x = (place + 1) * 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 31)) * 0xbf58476d1ce4e5b9ULL;
	return x ^ (x >> 29);
}

static inline void noise_fill(uint64_t *words, long bytes)
{
	for (long i = 0; i < bytes / 8; i++)
		words[i] = noise_word(i);
}

/* The offset in bytes of the first word that is not as it was filled; -1 if none. */
static inline long noise_differs(const uint64_t *words, long bytes)
{
	for (long i = 0; i < bytes / 8; i++)
		if (words[i] != noise_word(i))
			return i * 8;
	return -1;
}

#endif
