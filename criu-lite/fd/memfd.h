/* SPDX-License-Identifier: GPL-2.0-only */
/* Files made by memfd_create(2): see memfd.c (dump) and memfd-restore.c. */
#ifndef CRL_FD_MEMFD_H
#define CRL_FD_MEMFD_H

#include <stdbool.h>
#include <sys/stat.h>

#include "proto/fdinfo.pb-c.h"
#include "proto/memfd.pb-c.h"
#include "snapshot/snapshot.h"

struct dump_task;
struct err;
struct files;
struct reg_source;
struct restore_files;

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x10
#endif

/* Is the file one, by what a link below /proc reads and what fstat says? */
bool memfd_is(const char *name, const struct stat *st);

/* Fill e->memfd for one that is mapped or executed, opened with access mode `how`. */
int memfd_describe(struct files *f, struct dump_task *t, const struct reg_source *src,
	uint32_t how, FileEntry *e, struct err *err);

/* One of a dump, on its way back. */
struct restore_memfd {
	const MemfdInodeEntry *image;
	struct snap_pagemap pages; /* filled in by those who load pages */
	const FileEntry *first;	   /* who gets the open file that memfd_create makes */
	bool wanted;		   /* somebody has claimed a file of it */
	int fd;			   /* once it is made, until all have what they need */
};

struct restore_memfds {
	struct restore_memfd *list; /* sorted by inode_id */
	size_t count, cap;
};

/* Members of memfd_ops: contracts as in fd.h. */
int memfd_load(struct restore_files *r, struct err *err);
void memfd_release(struct restore_files *r);
int memfd_verify(const struct restore_files *r, const FileEntry *e, struct err *err);
int memfd_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err);
int memfd_settle(struct restore_files *r, struct err *err);

#endif
