/* SPDX-License-Identifier: GPL-2.0-only */
/* Fifos at restore: see fifo-restore.c. */
#ifndef CRL_FD_FIFO_RESTORE_H
#define CRL_FD_FIFO_RESTORE_H

#include <fcntl.h>

#include "proto/fdinfo.pb-c.h"

struct err;
struct restore_files;

/* Flags that are given to open(2), and those that fcntl(2) sets. */
#define FIFO_OPEN_FLAGS	  (O_ACCMODE | O_DSYNC | O_SYNC | O_LARGEFILE)
#define FIFO_STATUS_FLAGS (O_NONBLOCK | O_DIRECT | O_ASYNC | O_APPEND | O_NOATIME)

/* Members of fifo_ops: contracts as in fd.h. */
int fifo_load(struct restore_files *r, struct err *err);
void fifo_release(struct restore_files *r);
int fifo_verify(const struct restore_files *r, const FileEntry *e, struct err *err);
int fifo_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err);

#endif
