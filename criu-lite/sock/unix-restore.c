// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets at restore: their images are read and judged, as a whole, before
 * anything exists; the first one that a task needs has all of them made
 * (unix-make.c). The others wait in crl until they are asked for.
 *
 * A name is looked for among the sockets of this machine: one that is in use is
 * not taken away from its user. What is left of a path's file is removed.
 *
 * listen() is called once more by the first task that has a listener: a client
 * that asks who is at the other end (SO_PEERCRED) is told who did that.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/puppet.h"
#include "fd/anon.h"
#include "fd/restore-files.h"
#include "image/frame.h"
#include "sock/opts.h"
#include "sock/unix-make.h"
#include "sock/unix-restore.h"

#define NAME_MAX_LEN 109 /* a path of 108 bytes, and its NUL */

static int id_cmp(const void *left, const void *right)
{
	const struct unix_made *a = left, *b = right;

	return (a->usk->id > b->usk->id) - (a->usk->id < b->usk->id);
}

static struct unix_made *made_of(const struct restore_files *r, uint32_t id)
{
	UnixSkEntry usk = { .id = id };
	struct unix_made key = { .usk = &usk };
	const struct restore_unix *all = r->unix_sockets;

	return bsearch(&key, all->list, all->count, sizeof(key), id_cmp);
}

static int ino_cmp(const void *left, const void *right)
{
	const struct unix_made *a = *(struct unix_made **)left,
			       *b = *(struct unix_made **)right;

	return (a->usk->ino > b->usk->ino) - (a->usk->ino < b->usk->ino);
}

static struct unix_made *by_ino(const struct restore_unix *all, uint32_t ino)
{
	UnixSkEntry usk = { .ino = ino };
	struct unix_made key = { .usk = &usk }, *pkey = &key, **found;

	found = bsearch(&pkey, all->by_ino, all->count, sizeof(pkey), ino_cmp);
	return found ? *found : NULL;
}

static void gather(struct restore_files *r)
{
	struct restore_unix *all = r->unix_sockets;
	size_t cap = 0;

	for (size_t i = 0; i < r->count; i++) {
		const FileEntry *e = r->file[i].entry;
		struct unix_made m = { .fd = -1, .mate = -1 };

		if (!e || e->type != FD_TYPES__UNIXSK || !e->usk || e->usk->id != e->id ||
			!r->file[i].refs)
			continue;
		m.usk = e->usk;
		arena_push(&r->arena, all->list, all->count, cap, m);
	}
}

/* Who is connected to whom. */
static int link_peers(struct restore_files *r, struct err *err)
{
	struct restore_unix *all = r->unix_sockets;

	all->by_ino = arena_alloc(&r->arena, all->count * sizeof(*all->by_ino));
	for (size_t i = 0; i < all->count; i++)
		all->by_ino[i] = &all->list[i];
	qsort(all->by_ino, all->count, sizeof(*all->by_ino), ino_cmp);
	for (size_t i = 0; i < all->count; i++) {
		struct unix_made *m = &all->list[i];

		if (i && !ino_cmp(&all->by_ino[i - 1], &all->by_ino[i]))
			return err_set(err, EINVAL, "files.img: socket %u twice",
				all->by_ino[i]->usk->ino);
		m->last = &m->first;
		m->peer = m->usk->peer ? by_ino(all, m->usk->peer) : NULL;
		m->gone = !m->usk->peer &&
			  (m->usk->crl_gone || (m->usk->type != SOCK_DGRAM &&
						       m->usk->state == UNIX_CONNECTED));
	}
	for (size_t i = 0; i < all->count; i++) {
		struct unix_made *m = &all->list[i];

		m->mutual = m->peer && m->peer != m && m->peer->peer == m;
		if (m->peer && m->peer != m && !m->mutual)
			m->peer->incoming++;
	}
	for (size_t i = 0; i < all->count; i++) {
		struct unix_made *m = &all->list[i];

		m->by_connect = m->usk->type == SOCK_DGRAM && m->peer &&
				(!m->mutual || m->incoming || m->peer->incoming);
	}
	return 0;
}

/* Equal names come together, a listener first. */
static int name_cmp(const void *left, const void *right)
{
	const UnixSkEntry *a = (*(struct unix_made **)left)->usk;
	const UnixSkEntry *b = (*(struct unix_made **)right)->usk;
	size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
	int c = n ? memcmp(a->name.data, b->name.data, n) : 0;

	if (!c)
		c = (a->name.len > b->name.len) - (a->name.len < b->name.len);
	if (!c)
		c = strcmp(
			a->name_dir ? a->name_dir : "", b->name_dir ? b->name_dir : "");
	if (!c)
		c = (a->type > b->type) - (a->type < b->type);
	if (!c)
		c = !!a->deleted - !!b->deleted;
	return c;
}

static int name_order(const void *left, const void *right)
{
	const UnixSkEntry *a = (*(struct unix_made **)left)->usk;
	const UnixSkEntry *b = (*(struct unix_made **)right)->usk;
	int c = name_cmp(left, right);

	return c ? c : (b->state == UNIX_LISTENS) - (a->state == UNIX_LISTENS);
}

/* Who was accepted by whom; any other name belongs to one socket. */
static int link_names(struct restore_files *r, struct err *err)
{
	struct restore_unix *all = r->unix_sockets;
	auto_free struct unix_made **named = malloc((all->count + 1) * sizeof(*named));
	size_t n = 0, first = 0;

	if (!named)
		return err_os(err, ENOMEM, "names");
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].usk->name.len)
			named[n++] = &all->list[i];
	qsort(named, n, sizeof(*named), name_order);
	for (size_t i = 1; i < n; i++) {
		if (name_cmp(&named[first], &named[i])) {
			first = i;
			continue;
		}
		if (named[first]->usk->state != UNIX_LISTENS ||
			named[i]->usk->state != UNIX_CONNECTED ||
			!(named[i]->mutual || named[i]->gone))
			return err_set(err, EINVAL,
				"files.img: sockets %u and %u with one name",
				named[first]->usk->ino, named[i]->usk->ino);
		named[i]->listener = named[first];
	}
	return n ? unix_diag(&r->arena, &all->alive, err) : 0;
}

static int take_packet(struct restore_files *r, struct image_reader *rd,
	const SkPacketEntry *e, struct err *err)
{
	struct unix_made *m = made_of(r, e->id_for);
	struct unix_queued *q = arena_alloc(&r->arena, sizeof(*q));
	const void *bytes;
	int ret = image_reader_bytes(rd, e->length, &bytes, err);

	if (ret)
		return ret;
	if (!m || m->usk->state == UNIX_LISTENS)
		return err_set(
			err, EINVAL, "%s: a packet for file %u", rd->name, e->id_for);
	if (e->n_scm)
		return err_set(err, EOPNOTSUPP,
			"%s: descriptors on their way to file %u, which is not carried",
			rd->name, e->id_for);
	q->e = e;
	q->data = arena_copy(&r->arena, bytes, e->length);
	q->from = e->has_crl_from ? made_of(r, e->crl_from) : NULL;
	if (e->has_crl_from && (!q->from || q->from->usk->type != SOCK_DGRAM ||
				       m->usk->type != SOCK_DGRAM))
		return err_set(
			err, EINVAL, "%s: a packet from file %u", rd->name, e->crl_from);
	*m->last = q;
	m->last = &q->next;
	return 0;
}

static int load_queues(struct restore_files *r, struct err *err)
{
	struct image_reader rd = { 0 };
	struct ProtobufCMessage *msg;
	int ret = image_reader_load(&rd, r->dir, IMAGE_SK_QUEUES, 0, r->version, err);

	if (!ret)
		ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	while (!ret && (ret = image_reader_next(&rd, &sk_packet_entry__descriptor,
				&r->arena.pb, &msg, err)) > 0)
		ret = take_packet(r, &rd, (const SkPacketEntry *)msg, err);
	image_reader_deinit(&rd);
	return ret < 0 ? ret : 0;
}

int unix_load(struct restore_files *r, struct err *err)
{
	int ret;

	r->unix_sockets = arena_alloc(&r->arena, sizeof(*r->unix_sockets));
	r->unix_sockets->log = r->log;
	gather(r);
	if (!r->unix_sockets->count)
		return 0;
	ret = link_peers(r, err);
	if (!ret)
		ret = link_names(r, err);
	return ret ? ret : load_queues(r, err);
}

void unix_release(struct restore_files *r)
{
	for (size_t i = 0; r->unix_sockets && i < r->unix_sockets->count; i++) {
		struct unix_made *m = &r->unix_sockets->list[i];

		if (m->fd >= 0)
			close(m->fd);
		if (m->mate >= 0)
			close(m->mate);
		m->fd = m->mate = -1;
	}
}

static int verify_name(
	const struct restore_unix *all, const struct unix_made *m, struct err *err)
{
	const UnixSkEntry *u = m->usk;
	const char *name = (const char *)u->name.data;
	size_t len = u->name.len;
	char path[4300];
	struct stat st;
	bool found;

	if (len > NAME_MAX_LEN ||
		(len && name[0] && (len == 1 || strnlen(name, len) != len - 1)) ||
		(u->name_dir &&
			(u->name_dir[0] != '/' || strlen(u->name_dir) > PATH_MAX)) ||
		(len && name[0] && name[0] != '/' && !u->name_dir))
		return err_set(err, EINVAL, "an impossible name");
	if (!len || m->listener)
		return 0;
	found = unix_path(u, path, sizeof(path)) && !lstat(path, &st);
	for (size_t i = 0; i < all->alive.count; i++) {
		const struct unix_info *o = &all->alive.list[i];
		bool same = o->name_len == len && !memcmp(o->name, name, len);

		if (same && (name[0] ? found && o->vfs_ino == (uint32_t)st.st_ino
				     : o->type == u->type))
			return err_set(err, EADDRINUSE,
				"%s%.*s is in use by another process; end it",
				name[0] ? "" : "@", (int)len - !name[0], name + !name[0]);
	}
	if (found && (u->deleted || !S_ISSOCK(st.st_mode)))
		return err_set(
			err, EEXIST, "%s: another file has its path; remove it", path);
	return 0;
}

static int verify_peer(const struct unix_made *m, struct err *err)
{
	const UnixSkEntry *u = m->usk;
	bool datagram = u->type == SOCK_DGRAM;

	if (!u->peer && m->first && !m->gone && !u->name.len)
		return err_set(err, EINVAL, "data waits in it, and nobody can send it");
	if (!u->peer)
		return 0;
	if (!m->peer)
		return err_set(err, EINVAL, "its peer, socket %u, is not in the images",
			u->peer);
	if (m->peer->usk->state == UNIX_LISTENS)
		return err_set(err, EOPNOTSUPP,
			"a connection that was not accepted is not restored");
	if (u->state == UNIX_LISTENS || m->peer->usk->type != u->type ||
		(!datagram && !m->mutual) ||
		(!datagram && m->listener && m->peer->listener) ||
		(m->by_connect && !m->peer->usk->name.len) ||
		(m->by_connect && m->first && !u->name.len))
		return err_set(err, EINVAL, "an impossible peer");
	return 0;
}

int unix_verify(const struct restore_files *r, const FileEntry *e, struct err *err)
{
	const struct unix_made *m = e->usk ? made_of(r, e->id) : NULL;
	const UnixSkEntry *u = e->usk;
	int ret;

	if (!m)
		return err_set(err, EINVAL, "file %u: no unix socket", e->id);
	if (u->uflags)
		return err_set(err, EOPNOTSUPP,
			"socket %u: external sockets are not restored", u->ino);
	if ((u->type != SOCK_STREAM && u->type != SOCK_DGRAM &&
		    u->type != SOCK_SEQPACKET) ||
		(u->state != UNIX_CONNECTED && u->state != UNIX_CLOSED &&
			u->state != UNIX_LISTENS) ||
		(u->state == UNIX_LISTENS && (u->type == SOCK_DGRAM || !u->name.len)) ||
		(unsigned)u->shutdown > 3 || u->backlog > INT_MAX)
		return err_set(
			err, EINVAL, "socket %u: impossible type or state", u->ino);
	ret = sock_opts_verify(u->opts, err);
	if (!ret)
		ret = verify_peer(m, err);
	if (!ret)
		ret = verify_name(r->unix_sockets, m, err);
	return ret ? err_in(err, ret, "socket %u", u->ino) : 0;
}

int unix_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	struct unix_made *m = made_of(r, e->id);
	int ret = 0;

	if (!r->unix_sockets->made)
		ret = unix_make_all(r->unix_sockets, err);
	r->unix_sockets->made = true;
	if (!ret && m->fd < 0)
		ret = err_set(err, EINVAL, "socket %u: it was not made", m->usk->ino);
	if (!ret)
		ret = anon_params(m->fd, e->usk->flags, e->usk->fown, err);
	if (ret)
		return ret;
	*fd = m->fd;
	m->fd = -1;
	return 0;
}

int unix_attach(struct restore_files *r, const FileEntry *e, struct puppet *p, int fd,
	struct err *err)
{
	struct unix_made *m = made_of(r, e->id);
	int ret = 0;

	if (e->usk->state != UNIX_LISTENS || m->attached)
		return 0;
	m->attached = true;
	ret = puppet_room(p, 1, 0, err);
	if (!ret)
		batch_call2(&p->b, "listen", SYS_listen, fd, e->usk->backlog);
	return ret;
}
