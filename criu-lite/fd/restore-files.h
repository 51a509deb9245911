/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The open files of a tree, at restore. All are opened in crl itself, each when
 * the first task needs it; a task takes them over with pidfd_getfd(2), and when
 * the last one has, crl closes its own. So sharing a description between tasks
 * is no special case, and objects are restored by plain C.
 */
#ifndef CRL_FD_RESTORE_FILES_H
#define CRL_FD_RESTORE_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/fdinfo.pb-c.h"
#include "snapshot/arena.h"

struct err;
struct ghost_file;
struct log;
struct puppet;
struct sums;

struct restore_files_options {
	bool shell_job;
	bool skip_file_rwx_check;
	bool size_only; /* --file-validation filesize */
};

struct restore_file {
	const FileEntry *entry;
	struct ghost_file *ghost;
	int fd;		  /* in crl; -1 when not open */
	unsigned refs;	  /* descriptors and mappings that still need it */
	pid_t claimed_by; /* the first task that does */
	bool want_write;  /* a shared writable mapping needs it */
};

struct restore_files {
	struct arena arena; /* entries, for the time of the restore */
	int dir;
	uint32_t version;	 /* img_version */
	const struct sums *sums; /* NULL: none in the dump */
	const struct restore_files_options *opt;
	const struct log *log;
	struct restore_file *file; /* by id, ascending */
	size_t count;
	pid_t claimer;			   /* the task that is being loaded */
	struct restore_pipes *pipes;	   /* pipe.c */
	struct restore_fifos *fifos;	   /* fifo.c */
	struct restore_epolls *epolls;	   /* epoll.c */
	struct restore_memfds *memfds;	   /* memfd-restore.c */
	struct restore_ttys *ttys;	   /* tty.c */
	struct restore_unix *unix_sockets; /* sock/unix.c */
	struct ghost_file **ghosts;
	size_t ghost_count, ghost_cap;
};

/* Read files.img and what belongs to it. `r` is initialised by the call; deinit in any
 * case. */
int restore_files_load(struct restore_files *r, int dir, uint32_t version,
	const struct sums *sums, const struct restore_files_options *opt,
	const struct log *log, struct err *err);
void restore_files_deinit(struct restore_files *r);

/* Compare the bytes of an image with the checksum list; 0 when the dump has none. */
int restore_files_sum(const struct restore_files *r, const char *name, const void *data,
	size_t size, struct err *err);

/* The entry of an id, NULL when there is none. */
const FileEntry *restore_files_entry(const struct restore_files *r, uint32_t id);
/* Where it is in the table. */
size_t restore_files_index(const struct restore_files *r, const FileEntry *e);
struct ghost_file *restore_files_ghost(const struct restore_files *r, uint32_t id);
bool restore_files_want_write(const struct restore_files *r, uint32_t id);

/* Somebody will need the file. EINVAL when it is not in the image. */
int restore_files_claim(
	struct restore_files *r, uint32_t id, bool write, struct err *err);

/* Judge every entry that was claimed. */
int restore_files_verify(struct restore_files *r, struct err *err);

/* The open file in crl; stays open and belongs to r. */
int restore_files_get(struct restore_files *r, uint32_t id, int *fd, struct err *err);

/* One of those who claimed it has it now; the last one closes it. */
void restore_files_release(struct restore_files *r, uint32_t id);

/* All have what they need: what had to wait for that, before anything runs. */
int restore_files_settle(struct restore_files *r, struct err *err);

/* And: remove temporary names. */
void restore_files_clean(struct restore_files *r);

#endif
