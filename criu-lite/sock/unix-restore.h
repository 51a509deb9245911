/* SPDX-License-Identifier: GPL-2.0-only */
/* Unix sockets at restore, as rows of unix.c's table: see unix-restore.c. */
#ifndef CRL_SOCK_UNIX_RESTORE_H
#define CRL_SOCK_UNIX_RESTORE_H

#include "proto/fdinfo.pb-c.h"

struct err;
struct puppet;
struct restore_files;

int unix_load(struct restore_files *r, struct err *err);
void unix_release(struct restore_files *r);
int unix_verify(const struct restore_files *r, const FileEntry *e, struct err *err);
int unix_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err);
int unix_attach(struct restore_files *r, const FileEntry *e, struct puppet *p, int fd,
	struct err *err);

#endif
