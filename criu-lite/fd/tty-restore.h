/* SPDX-License-Identifier: GPL-2.0-only */
/* Terminals at restore: see tty-restore.c. */
#ifndef CRL_FD_TTY_RESTORE_H
#define CRL_FD_TTY_RESTORE_H

#include "proto/fdinfo.pb-c.h"

struct err;
struct puppet;
struct restore_files;

/* Members of tty_ops: contracts as in fd.h. */
int tty_load(struct restore_files *r, struct err *err);
void tty_release(struct restore_files *r);
int tty_verify(const struct restore_files *r, const FileEntry *e, struct err *err);
int tty_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err);
int tty_attach(struct restore_files *r, const FileEntry *e, struct puppet *p, int fd,
	struct err *err);

/*
 * The restore has succeeded: the terminal keeps the settings, the size and the
 * foreground group that it was given. Without this call restore_files_deinit()
 * puts back what crl has found there.
 */
void tty_keep(struct restore_files *r);

#endif
