// SPDX-License-Identifier: GPL-2.0-only
/* Writing JSON: see json.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cmd/json.h"

static void new_line(const struct json *j)
{
	if (j->flat && j->depth >= j->flat)
		return;
	putc('\n', j->out);
	for (unsigned i = 0; i < j->depth; i++)
		fputs("  ", j->out);
}

/* Bytes of the UTF-8 sequence at p, 0 when there is none. */
static size_t utf8(const uint8_t *p, size_t left)
{
	size_t n = p[0] < 0x80	 ? 1
		   : p[0] < 0xc2 ? 0
		   : p[0] < 0xe0 ? 2
		   : p[0] < 0xf0 ? 3
		   : p[0] < 0xf5 ? 4
				 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Too long for what it says, a surrogate, or beyond the last character. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static void string(FILE *out, const uint8_t *p, size_t len)
{
	putc('"', out);
	while (len) {
		size_t n = utf8(p, len);

		if (!n)
			fprintf(out, "\\udc%02x", *p);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else
			fwrite(p, 1, n, out);
		p += n ? n : 1;
		len -= n ? n : 1;
	}
	putc('"', out);
}

/* What comes before a value. */
static void lead(struct json *j, const char *key)
{
	if (j->some)
		fputs(j->flat && j->depth >= j->flat ? ", " : ",", j->out);
	if (j->depth)
		new_line(j);
	if (key) {
		string(j->out, (const uint8_t *)key, strlen(key));
		fputs(": ", j->out);
	}
	j->some = true;
}

static void open_one(struct json *j, const char *key, char mark, bool flat)
{
	lead(j, key);
	putc(mark, j->out);
	j->depth++;
	if (flat && !j->flat)
		j->flat = j->depth;
	j->some = false;
}

static void close_one(struct json *j, char mark)
{
	bool flat = j->flat && j->depth >= j->flat, some = j->some;

	if (j->flat == j->depth)
		j->flat = 0;
	j->depth--;
	if (some && !flat)
		new_line(j);
	putc(mark, j->out);
	j->some = true;
	if (!j->depth)
		putc('\n', j->out);
}

void json_object(struct json *j, const char *key)
{
	open_one(j, key, '{', false);
}

void json_object_end(struct json *j)
{
	close_one(j, '}');
}

void json_array(struct json *j, const char *key, bool flat)
{
	open_one(j, key, '[', flat);
}

void json_array_end(struct json *j)
{
	close_one(j, ']');
}

void json_bytes(struct json *j, const char *key, const void *data, size_t len)
{
	lead(j, key);
	string(j->out, data, len);
}

void json_text(struct json *j, const char *key, const char *text)
{
	if (text)
		json_bytes(j, key, text, strlen(text));
	else
		json_null(j, key);
}

void json_hex(struct json *j, const char *key, const uint8_t *data, size_t len)
{
	lead(j, key);
	putc('"', j->out);
	for (size_t i = 0; i < len; i++)
		fprintf(j->out, "%02x", data[i]);
	putc('"', j->out);
}

void json_unsigned(struct json *j, const char *key, uint64_t value)
{
	lead(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void json_signed(struct json *j, const char *key, int64_t value)
{
	lead(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	lead(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	lead(j, key);
	fputs("null", j->out);
}

void json_real(struct json *j, const char *key, double value)
{
	if (!isfinite(value)) {
		json_null(j, key);
		return;
	}
	lead(j, key);
	fprintf(j->out, "%.17g", value);
}
