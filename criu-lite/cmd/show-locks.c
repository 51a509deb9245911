// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks of files and leases in a dump. One of an open file that several tasks have
 * stands with one of them.
 */
#include <stdio.h>

#include "cmd/json.h"
#include "cmd/show.h"
#include "crl/err.h"
#include "fd/locks.h"
#include "snapshot/look.h"

struct locks {
	struct json *j;
	pid_t pid;
	size_t count;
};

static const char *kind_word(uint32_t flag)
{
	switch (flag) {
	case FILE_LOCK_POSIX:
		return "posix";
	case FILE_LOCK_OFD:
		return "ofd";
	case FILE_LOCK_FLOCK:
		return "flock";
	case FILE_LOCK_LEASE:
		return "lease";
	}
	return "?";
}

static const char *type_word(uint32_t type)
{
	return type == FILE_LOCK_READ ? "read" : type == FILE_LOCK_WRITE ? "write" : "?";
}

static void json_lock(struct json *j, const FileLockEntry *e)
{
	json_object(j, NULL);
	json_signed(j, "fd", e->fd);
	json_text(j, "kind", kind_word(e->flag));
	json_text(j, "type", type_word(e->type));
	json_signed(j, "start", e->start);
	json_signed(j, "length", e->len);
	json_object_end(j);
}

static int show_one(void *arg, const ProtobufCMessage *msg, struct err *err)
{
	const FileLockEntry *e = (const FileLockEntry *)msg;
	struct locks *l = arg;
	char text[LOCK_TEXT];

	if (e->pid != l->pid)
		return 0;
	if (l->j) {
		json_lock(l->j, e);
		return 0;
	}
	if (!l->count++)
		printf("\nlocks:\n");
	lock_describe(e, text);
	printf("  %4d   %s\n", e->fd, text);
	return 0;
}

int show_locks(struct look *l, pid_t pid, struct json *j, struct err *err)
{
	struct locks locks = { .j = j, .pid = pid };
	int ret;

	if (j)
		json_array(j, "locks", false);
	ret = look_each(l, IMAGE_FILELOCKS, 0, &file_lock_entry__descriptor,
		&file_lock_entry__descriptor, show_one, &locks, err);
	if (j)
		json_array_end(j);
	look_forget(l);
	return ret < 0 ? ret : 0;
}
