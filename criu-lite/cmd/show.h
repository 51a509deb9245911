/* SPDX-License-Identifier: GPL-2.0-only */
/* The forms of `crl show`: text for people, or JSON where j is not NULL. */
#ifndef CRL_CMD_SHOW_H
#define CRL_CMD_SHOW_H

#include <stdint.h>
#include <sys/types.h>

struct ProtobufCMessage;
struct err;
struct json;
struct look;

/* show-tree.c: all of a dump; `path` is what the user calls it. */
int show_tree(struct look *l, const char *path, struct json *j, struct err *err);

/* show-task.c: one task. */
int show_task(struct look *l, pid_t pid, struct json *j, struct err *err);

/* show-memory.c, show-files.c: parts of a task that is alive. */
int show_mappings(struct look *l, pid_t pid, struct json *j, struct err *err);
int show_descriptors(struct look *l, uint32_t table, struct json *j, struct err *err);

/* show-locks.c: the locks that a task is to take. */
int show_locks(struct look *l, pid_t pid, struct json *j, struct err *err);

/* The path of a file of files.img; NULL when it has none. */
const char *show_file_name(struct look *l, uint32_t id);

/* The memfd that a file of files.img is an open file of; NULL when it is none. */
const struct MemfdInodeEntry *show_memfd(struct look *l, uint32_t id);

/* show-image.c: every record of one image. */
int show_image(struct look *l, const char *name, struct json *j, struct err *err);

/* show-message.c: every field of a message, indented, or as members of the open object.
 */
void show_message(const struct ProtobufCMessage *msg, unsigned depth, struct json *j);

#endif
