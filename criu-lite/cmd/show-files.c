// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors of a task in a dump. What a file is, its kind says (fd/fd.h);
 * kinds that crl does not carry are known by the name of their number.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/print.h"
#include "cmd/show.h"
#include "crl/err.h"
#include "fd/fd.h"
#include "fd/memfd.h"
#include "snapshot/look.h"

#define TEXT_SIZE 4352

/* Which member of the entry a kind needs: a damaged dump may lack it. */
static const struct {
	FdTypes type;
	size_t at;
} members[] = {
	{ FD_TYPES__REG, offsetof(FileEntry, reg) },
	{ FD_TYPES__PIPE, offsetof(FileEntry, pipe) },
	{ FD_TYPES__FIFO, offsetof(FileEntry, fifo) },
	{ FD_TYPES__INETSK, offsetof(FileEntry, isk) },
	{ FD_TYPES__UNIXSK, offsetof(FileEntry, usk) },
	{ FD_TYPES__EVENTFD, offsetof(FileEntry, efd) },
	{ FD_TYPES__EVENTPOLL, offsetof(FileEntry, epfd) },
	{ FD_TYPES__INOTIFY, offsetof(FileEntry, ify) },
	{ FD_TYPES__SIGNALFD, offsetof(FileEntry, sgfd) },
	{ FD_TYPES__PACKETSK, offsetof(FileEntry, psk) },
	{ FD_TYPES__TTY, offsetof(FileEntry, tty) },
	{ FD_TYPES__FANOTIFY, offsetof(FileEntry, ffy) },
	{ FD_TYPES__NETLINKSK, offsetof(FileEntry, nlsk) },
	{ FD_TYPES__NS, offsetof(FileEntry, nsf) },
	{ FD_TYPES__TUNF, offsetof(FileEntry, tunf) },
	{ FD_TYPES__EXT, offsetof(FileEntry, ext) },
	{ FD_TYPES__TIMERFD, offsetof(FileEntry, tfd) },
	{ FD_TYPES__MEMFD, offsetof(FileEntry, memfd) },
	{ FD_TYPES__BPFMAP, offsetof(FileEntry, bpf) },
	{ FD_TYPES__PIDFD, offsetof(FileEntry, pidfd) },
};

static bool has_member(const FileEntry *e)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].type == e->type)
			return *(void *const *)((const char *)e + members[i].at);
	return false;
}

struct memfd_search {
	uint32_t inode;
	const MemfdInodeEntry *found;
};

static int find_memfd(void *arg, const ProtobufCMessage *msg, struct err *err)
{
	const MemfdInodeEntry *e = (const MemfdInodeEntry *)msg;
	struct memfd_search *s = arg;

	if (e->inode_id == s->inode)
		s->found = e;
	return 0;
}

const MemfdInodeEntry *show_memfd(struct look *l, uint32_t id)
{
	const FileEntry *e = look_file(l, id);
	struct memfd_search s = { 0 };
	struct err ignored;

	if (!e || e->type != FD_TYPES__MEMFD || !e->memfd)
		return NULL;
	s.inode = e->memfd->inode_id;
	look_each(l, IMAGE_MEMFD, 0, &memfd_inode_entry__descriptor,
		&memfd_inode_entry__descriptor, find_memfd, &s, &ignored);
	return s.found;
}

static const char *memfd_name(struct look *l, const MemfdInodeEntry *m)
{
	if (!strcmp(m->name, "/dev/zero") && !m->crl_memfd)
		return m->name;
	return arena_printf(&l->snap.scratch, "/memfd:%s", m->name);
}

/* All but the position is in another image. */
static void describe_memfd(struct look *l, const FileEntry *e, char text[TEXT_SIZE])
{
	static const struct {
		unsigned seal;
		const char *name;
	} seals[] = {
		{ F_SEAL_SEAL, "seal" },
		{ F_SEAL_SHRINK, "shrink" },
		{ F_SEAL_GROW, "grow" },
		{ F_SEAL_WRITE, "write" },
		{ F_SEAL_FUTURE_WRITE, "future-write" },
		{ F_SEAL_EXEC, "exec" },
	};
	const MemfdInodeEntry *m = show_memfd(l, e->id);
	size_t used = 0;

	if (!m) {
		snprintf(text, TEXT_SIZE, "not in memfd.img");
		return;
	}
	used = snprintf(text, TEXT_SIZE, "%.*s at %llu, %llu bytes%s", TEXT_SIZE / 2,
		memfd_name(l, m), (unsigned long long)e->memfd->pos,
		(unsigned long long)m->size, m->seals ? ", sealed:" : "");
	for (size_t i = 0; i < sizeof(seals) / sizeof(seals[0]); i++)
		if (m->seals & seals[i].seal)
			used += snprintf(
				text + used, TEXT_SIZE - used, " %s", seals[i].name);
}

static void describe(struct look *l, const FileEntry *e, char text[TEXT_SIZE])
{
	const struct fd_ops *ops = e ? fd_ops_of(e->type) : NULL;

	text[0] = '\0';
	if (!e)
		snprintf(text, TEXT_SIZE, "not in files.img");
	else if (!has_member(e))
		snprintf(text, TEXT_SIZE, "files.img says nothing of it");
	else if (e->type == FD_TYPES__MEMFD)
		describe_memfd(l, e, text);
	else if (ops && ops->show)
		ops->show(e, text, TEXT_SIZE);
}

static void type_name(FdTypes type, char name[32])
{
	const ProtobufCEnumValue *v =
		protobuf_c_enum_descriptor_get_value(&fd_types__descriptor, type);
	const struct fd_ops *ops = fd_ops_of(type);

	if (ops) {
		snprintf(name, 32, "%s", ops->name);
		return;
	}
	snprintf(name, 32, "%s", v ? v->name : "?");
	for (char *p = name; *p; p++)
		*p = tolower((unsigned char)*p);
}

struct table {
	struct look *l;
	struct json *j;
	size_t count;
};

static int show_one(void *arg, const ProtobufCMessage *msg, struct err *err)
{
	const FdinfoEntry *f = (const FdinfoEntry *)msg;
	struct table *t = arg;
	const FileEntry *e = look_file(t->l, f->id);
	char text[TEXT_SIZE], name[32];

	describe(t->l, e, text);
	type_name(f->type, name);
	if (!t->j) {
		if (!t->count++)
			printf("\ndescriptors:\n");
		printf("  %4u %c %-12s ", f->fd, f->flags & 1 ? 'x' : ' ', name);
		print_name(stdout, text);
		putchar('\n');
		return 0;
	}
	json_object(t->j, NULL);
	json_unsigned(t->j, "fd", f->fd);
	json_bool(t->j, "cloexec", f->flags & 1);
	json_unsigned(t->j, "id", f->id);
	json_text(t->j, "type", name);
	json_text(t->j, "path", show_file_name(t->l, f->id));
	json_text(t->j, "text", text);
	json_object_end(t->j);
	return 0;
}

int show_descriptors(struct look *l, uint32_t table, struct json *j, struct err *err)
{
	struct table t = { .l = l, .j = j };
	int ret;

	if (j)
		json_array(j, "fds", false);
	ret = look_each(l, IMAGE_FDINFO, table, &fdinfo_entry__descriptor,
		&fdinfo_entry__descriptor, show_one, &t, err);
	if (j)
		json_array_end(j);
	look_forget(l);
	return ret < 0 ? ret : 0;
}

const char *show_file_name(struct look *l, uint32_t id)
{
	const FileEntry *e = look_file(l, id);
	const MemfdInodeEntry *m;

	if (!e)
		return NULL;
	if (e->type == FD_TYPES__REG && e->reg)
		return e->reg->name;
	if (e->type == FD_TYPES__FIFO && e->fifo && e->fifo->has_regf_id) {
		e = look_file(l, e->fifo->regf_id);
		return e && e->type == FD_TYPES__REG && e->reg ? e->reg->name : NULL;
	}
	m = show_memfd(l, id);
	return m ? memfd_name(l, m) : NULL;
}
