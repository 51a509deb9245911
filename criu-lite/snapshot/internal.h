/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files that load a snapshot. */
#ifndef CRL_SNAPSHOT_INTERNAL_H
#define CRL_SNAPSHOT_INTERNAL_H

#include "image/frame.h"
#include "snapshot/snapshot.h"

#define PID_MAX (4 << 20) /* pids are below; the length of by_pid */

/* Load an image file and compare its checksum; IMAGE_NOT_THERE when there is none. */
int snapshot_open(struct snapshot *s, struct image_reader *rd, enum image_kind kind,
	uint64_t number, struct err *err);

/* The one record of an image that must be there; kept packed in *blob if it is not NULL.
 */
int snapshot_record(struct snapshot *s, enum image_kind kind, uint64_t number,
	const ProtobufCMessageDescriptor *type, struct arena *a, ProtobufCMessage **msg,
	struct blob *blob, struct err *err);

/* memory.c: mm-PID and pagemap-PID of a task, pagemap-shmem-ID of all segments. */
int snapshot_load_memory(struct snapshot *s, struct snap_task *t, struct err *err);
int snapshot_load_shmem(struct snapshot *s, struct err *err);

/* The same for all memfds that somebody needs, after restore_files_verify(). */
int snapshot_load_memfds(struct snapshot *s, struct err *err);

/* locks.c: filelocks.img, when all tasks are there. */
int snapshot_load_locks(struct snapshot *s, struct err *err);

#endif
