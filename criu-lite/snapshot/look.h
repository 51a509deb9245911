/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A dump, read to be looked at. What snapshot.h refuses because it could not be
 * restored here (other programs' objects, files that are not there, namespaces)
 * is fine; what is damaged is an error: every image that has a checksum is
 * compared with it as it is read.
 *
 * Messages that a call returns live in the scratch arena, until look_forget().
 */
#ifndef CRL_SNAPSHOT_LOOK_H
#define CRL_SNAPSHOT_LOOK_H

#include <stdint.h>
#include <sys/types.h>

#include "image/frame.h"
#include "proto/fdinfo.pb-c.h"
#include "snapshot/snapshot.h"

/* Pages that a dump has, and those it leaves to the dump before it. */
struct look_pages {
	uint64_t present, parent;
};

struct look_task {
	pid_t pid, ppid, pgid, sid;
	int parent; /* index, less than its own; -1: none */
	const pid_t *tid;
	unsigned tids;
	/* By look_task(): */
	int state; /* enum snap_state, or a number that is not known */
	uint32_t exit_code, stop_signal;
	const char *comm;
	uint32_t table; /* number of its fdinfo image */
	size_t mappings, fds;
	uint64_t mapped; /* bytes */
	struct look_pages pages;
};

/* A run of pages, as a pagemap has it. */
struct look_run {
	uint64_t at, end;
	uint32_t flags; /* PE_* */
};

struct look {
	struct snapshot snap; /* directory, inventory, checksums, arenas: no more */
	struct look_task *task;
	size_t tasks;
	const FileEntry **file; /* by id */
	size_t files;
};

/* Inventory, tree and files. look_close in any case. */
int look_open(struct look *l, int dir, struct err *err);
void look_close(struct look *l);

/* Fill in the rest of a task. */
int look_task(struct look *l, struct look_task *t, struct err *err);

/* The record of an image with one: 0, IMAGE_NOT_THERE (also for an empty one), or -errno.
 */
int look_record(struct look *l, enum image_kind kind, uint64_t number,
	const ProtobufCMessageDescriptor *type, ProtobufCMessage **msg, struct err *err);

/* Call fn for each record; the same answers. */
typedef int look_fn(void *arg, const ProtobufCMessage *msg, struct err *err);
int look_each(struct look *l, enum image_kind kind, uint64_t number,
	const ProtobufCMessageDescriptor *head, const ProtobufCMessageDescriptor *body,
	look_fn *fn, void *arg, struct err *err);

/* Load an image with what look_record does to it; the caller calls image_reader_deinit.
 */
int look_image(struct look *l, struct image_reader *rd, enum image_kind kind,
	uint64_t number, struct err *err);

/* The runs of a pagemap (IMAGE_PAGEMAP or IMAGE_PAGEMAP_SHMEM), in the scratch arena. */
int look_runs(struct look *l, enum image_kind kind, uint64_t number,
	struct look_run **run, size_t *runs, struct err *err);

/* The pages of them that lie in [start, end). */
struct look_pages look_count(
	const struct look_run *run, size_t runs, uint64_t start, uint64_t end);

/* NULL: not in files.img. */
const FileEntry *look_file(const struct look *l, uint32_t id);

void look_forget(struct look *l);

#endif
