/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A process that writes one word into one file when its maker dies. */
#ifndef CRL_FREEZE_GUARDIAN_H
#define CRL_FREEZE_GUARDIAN_H

#include <sys/types.h>

struct err;

struct guardian {
	pid_t pid; /* 0: none */
	int sock;
};

/*
 * From now on text is written to fd when this process dies, or, with timeout_ms
 * not negative, after that time; fd stays the caller's and may be closed.
 */
int guardian_start(struct guardian *guardian, int fd, const char *text, int timeout_ms,
	struct err *err);

/* It goes away without a word, and is gone when this returns. May be called twice. */
void guardian_dismiss(struct guardian *guardian);

#endif
