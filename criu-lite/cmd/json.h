/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writing JSON (RFC 8259), a value at a time. Inside an object every value has a
 * key; inside an array, and at the top, the key is NULL.
 *
 * Names in dumps are bytes. What is UTF-8 in them stays; a byte that is not
 * becomes the escape \udcXX, from which Python's os.fsencode() makes it again.
 */
#ifndef CRL_CMD_JSON_H
#define CRL_CMD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Begins as { .out = FILE }. */
struct json {
	FILE *out;
	unsigned depth; /* of objects and arrays that are open */
	unsigned flat;	/* the depth from which on all goes on one line; 0: none */
	bool some;	/* there is a value before the next one */
};

void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);

/* A flat array is written on one line. */
void json_array(struct json *j, const char *key, bool flat);
void json_array_end(struct json *j);

/* NULL is written as null. */
void json_text(struct json *j, const char *key, const char *text);
void json_bytes(struct json *j, const char *key, const void *data, size_t len);
void json_hex(struct json *j, const char *key, const uint8_t *data, size_t len);
void json_unsigned(struct json *j, const char *key, uint64_t value);
void json_signed(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

/* What JSON does not have (nan, infinity) becomes null. */
void json_real(struct json *j, const char *key, double value);

#endif
