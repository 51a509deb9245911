/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_FD_ASIDE_H
#define CRL_FD_ASIDE_H

struct err;

/*
 * Call fn(arg, err) in a thread that shares all with us but what `flags` name
 * (CLONE_FILES: it has a copy of the descriptor table; CLONE_FS: of working
 * directory and umask), and wait for it. Returns what fn does.
 */
int aside(int flags, int (*fn)(void *arg, struct err *err), void *arg, struct err *err);

#endif
