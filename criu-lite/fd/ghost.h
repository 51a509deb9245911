/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that have no name any more: see ghost.c. */
#ifndef CRL_FD_GHOST_H
#define CRL_FD_GHOST_H

#include "proto/fdinfo.pb-c.h"

struct arena;
struct dump_task;
struct err;
struct files;
struct ghost_file;
struct reg_source;
struct restore_files;

/* The file behind src is unlinked: enter its contents once, and a remap for e. */
int ghost_dump(struct files *f, struct dump_task *t, const struct reg_source *src,
	FileEntry *e, struct err *err);
int ghost_finish(struct files *f, struct err *err);

/* Read and judge ghost-file-ID; the result lives in the arena of r. */
int ghost_load(struct restore_files *r, uint32_t id, const char *name,
	struct ghost_file **ghost, struct err *err);

/* Open the ghost with these flags, making it at the first time. The descriptor or -errno.
 */
int ghost_open(struct restore_files *r, const struct ghost_file *ghost, int flags,
	struct err *err);

/* Remove the names that were made. May run twice. */
void ghost_clean(struct ghost_file *ghost);

#endif
