/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hand-written scanning of what procfs prints. Each scanner moves *p forward
 * over what it has read and never to or beyond end; where it returns false, *p
 * has not moved. Numbers come from the kernel: one too large for 64 bits wraps.
 */
#ifndef CRL_PROC_SCAN_H
#define CRL_PROC_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "crl/proc/text.h"

static inline bool scan_dec(const char **p, const char *end, uint64_t *out)
{
	const char *s = *p;
	uint64_t v = 0;

	while (s < end && (unsigned char)(*s - '0') < 10)
		v = v * 10 + (unsigned char)(*s++ - '0');
	if (s == *p)
		return false;
	*p = s;
	*out = v;
	return true;
}

static inline bool scan_int(const char **p, const char *end, int64_t *out)
{
	const char *s = *p;
	bool minus = s < end && *s == '-';
	uint64_t v;

	s += minus;
	if (!scan_dec(&s, end, &v))
		return false;
	*p = s;
	*out = (int64_t)(minus ? -v : v);
	return true;
}

static inline bool scan_hex(const char **p, const char *end, uint64_t *out)
{
	const char *s = *p;
	uint64_t v = 0;

	for (; s < end; s++) {
		unsigned int digit = (unsigned char)(*s - '0');

		if (digit >= 10) {
			digit = (unsigned char)((*s | 0x20) - 'a');
			if (digit >= 6)
				break;
			digit += 10;
		}
		v = v << 4 | digit;
	}
	if (s == *p)
		return false;
	*p = s;
	*out = v;
	return true;
}

static inline bool scan_oct(const char **p, const char *end, uint64_t *out)
{
	const char *s = *p;
	uint64_t v = 0;

	while (s < end && (unsigned char)(*s - '0') < 8)
		v = v << 3 | (unsigned char)(*s++ - '0');
	if (s == *p)
		return false;
	*p = s;
	*out = v;
	return true;
}

static inline bool scan_char(const char **p, const char *end, char c)
{
	if (*p >= end || **p != c)
		return false;
	(*p)++;
	return true;
}

static inline void scan_blanks(const char **p, const char *end)
{
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
}

/* The literal string, all of it. */
static inline bool scan_string(const char **p, const char *end, const char *string)
{
	size_t len = strlen(string);

	if ((size_t)(end - *p) < len || memcmp(*p, string, len) != 0)
		return false;
	*p += len;
	return true;
}

/* Up to the character c, which is skipped and not part of out. */
static inline bool scan_until(
	const char **p, const char *end, char c, struct proc_text *out)
{
	const char *stop = *p < end ? memchr(*p, c, (size_t)(end - *p)) : NULL;

	if (!stop)
		return false;
	*out = (struct proc_text){ *p, (size_t)(stop - *p) };
	*p = stop + 1;
	return true;
}

/* Take the first line off rest, whether a newline ends it or not; false: none left. */
static inline bool scan_line(struct proc_text *rest, struct proc_text *line)
{
	const char *p = rest->s, *end = rest->s + rest->len;

	if (rest->len == 0)
		return false;
	if (!scan_until(&p, end, '\n', line)) {
		*line = *rest;
		p = end;
	}
	*rest = (struct proc_text){ p, (size_t)(end - p) };
	return true;
}

#endif
