/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors are values. The function that meets a failure records it, every
 * caller on the way up may put one piece of context in front, and the program
 * prints the whole once: "dump: pid 42: fd 7: eventfd: Permission denied".
 *
 * The text lives in a fixed buffer inside the object, so that recording works
 * when memory is short. A function that takes a struct err returns 0 (or a
 * documented positive answer) on success, or a negative errno value with
 * *err filled.
 */
#ifndef CRL_ERR_H
#define CRL_ERR_H

#define ERR_TEXT_SIZE 4096

struct err {
	int code;		  /* positive errno value, 0 when nothing is recorded */
	char text[ERR_TEXT_SIZE]; /* one line, or one line a refusal */
};

/* Record a failure whose message says it all; returns -code. */
int err_set(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Record a failure of the system: the message gets ": " and strerror(code); returns
 * -code. */
int err_os(struct err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "context: " in front of what is recorded; returns ret unchanged. */
int err_in(struct err *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
