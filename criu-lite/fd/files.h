/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The open files of a tree. Every open file description has one FileEntry with
 * one id; descriptors (fdinfo) refer to it, as do mappings, program files and
 * working directories, which are path files: entries that nobody has open.
 */
#ifndef CRL_FD_FILES_H
#define CRL_FD_FILES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "proto/fdinfo.pb-c.h"
#include "proto/fown.pb-c.h"
#include "proto/remap-file-path.pb-c.h"
#include "snapshot/arena.h"

struct dump_task;
struct err;
struct files_epolls;
struct files_fifos;
struct files_ghosts;
struct files_locks;
struct files_memfds;
struct files_pipes;
struct files_ttys;
struct files_unix;
struct image_writer;
struct log;
struct obstacles;
struct proc_vma;
struct shmem;
struct sums;

/* What a user may have said about files. */
struct files_options {
	bool shell_job;
	uint64_t ghost_limit; /* bytes */
};

/* Where raw data beside files.img goes. */
struct files_out {
	int dir;
	struct sums *sums;
	struct image_writer *pipes, *fifos, *queues; /* open all the time; not owned */
	struct shmem *shmem; /* takes the contents of memfds; not owned */
};

/* A descriptor that was looked at: for those who must know what others have open. */
struct files_seen {
	pid_t pid; /* the first of the tasks that share its table */
	int fd;
	uint32_t id; /* 0: refused */
	FdTypes type;
};

/*
 * All files of a dump. files_mapped(), files_link() and files_table() may be
 * called by several threads at once; all else is for one.
 */
struct files {
	pthread_mutex_t lock; /* of all that changes while tasks are written */
	struct arena arena;
	const struct files_options *opt;
	struct files_out out;
	struct obstacles *obstacles;
	const struct log *log;
	FileEntry **entry;
	size_t count, cap;
	RemapFilePathEntry **remap;
	size_t remaps, remap_cap;
	void *descriptions, *paths; /* tsearch(3) trees of what is known */
	struct files_seen *seen;    /* every descriptor, in order of tables */
	size_t seen_count, seen_cap;
	struct files_pipes *pipes;	 /* pipe.c */
	struct files_fifos *fifos;	 /* fifo.c */
	struct files_epolls *epolls;	 /* epoll.c */
	struct files_ghosts *ghosts;	 /* ghost.c */
	struct files_locks *locks;	 /* locks.c */
	struct files_memfds *memfds;	 /* memfd.c */
	struct files_ttys *ttys;	 /* tty.c */
	struct files_unix *unix_sockets; /* sock/unix.c */
};

void files_init(struct files *f, const struct files_options *opt,
	const struct files_out *out, struct obstacles *obstacles, const struct log *log);
void files_deinit(struct files *f);

/* A new entry with the next id. */
FileEntry *files_new(struct files *f, FdTypes type);

/*
 * The mapped file of a mapping, through map_files: the id of its entry, and whether
 * it is a memfd. After a refusal (an obstacle was added) *id is 0.
 */
int files_mapped(struct files *f, struct dump_task *t, const struct proc_vma *v,
	bool writable, uint32_t *id, bool *memfd, struct err *err);

/* The file behind /proc/PID/exe, cwd or root. */
int files_link(struct files *f, struct dump_task *t, const char *link, uint32_t *id,
	struct err *err);

/* The descriptor table of a task: writes fdinfo-ID. `cloexec` has one value a descriptor.
 */
int files_table(struct files *f, struct dump_task *t, const int *fd, const bool *cloexec,
	size_t n, uint32_t table_id, struct image_writer *w, struct err *err);

/* Called when all tasks are through: what only the whole tree can tell; writes the
 * images. */
int files_write(struct files *f, struct image_writer *w, struct err *err);

#endif
