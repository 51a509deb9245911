/* SPDX-License-Identifier: GPL-2.0-only */
/* Epoll files at restore, as rows of epoll.c's table: see epoll-restore.c. */
#ifndef CRL_FD_EPOLL_RESTORE_H
#define CRL_FD_EPOLL_RESTORE_H

#include "proto/fdinfo.pb-c.h"

struct err;
struct puppet;
struct restore_files;

int epoll_load(struct restore_files *r, struct err *err);
int epoll_verify(const struct restore_files *r, const FileEntry *e, struct err *err);
int epoll_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err);
int epoll_attach(struct restore_files *r, const FileEntry *e, struct puppet *p, int fd,
	struct err *err);

#endif
