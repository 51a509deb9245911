// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only the whole tree can tell of its unix sockets, at the end of a dump:
 * whether peers are in it, whether each could be made again without help from
 * outside, and who sent a datagram that bears a name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "crl/err.h"
#include "fd/files.h"
#include "image/frame.h"
#include "snapshot/obstacles.h"
#include "sock/unix.h"

static int by_ino(const void *left, const void *right)
{
	const struct unix_seen *a = left, *b = right;

	return (a->info->ino > b->info->ino) - (a->info->ino < b->info->ino);
}

static const struct unix_seen *seen_find(const struct files_unix *all, uint32_t ino)
{
	struct unix_info info = { .ino = ino };
	struct unix_seen key = { .info = &info };

	return bsearch(&key, all->seen, all->count, sizeof(key), by_ino);
}

#define REFUSE(f, s, remedy, ...)                                                        \
	obstacles_add((f)->obstacles, (s)->pid, (s)->comm, remedy, "%s: " __VA_ARGS__)

static void check_peer(struct files *f, const struct unix_seen *s)
{
	const struct unix_info *u = s->info;
	const struct unix_seen *peer =
		u->peer ? seen_find(f->unix_sockets, u->peer) : NULL;
	bool mutual = peer && peer->info->peer == u->ino;

	if (u->peer && !peer)
		REFUSE(f, s,
			"dump the task at the other end too, or close the connection",
			"its peer, socket %u, is held by a task outside of the tree",
			s->what, u->peer);
	else if (peer && !mutual && !peer->info->name_len)
		REFUSE(f, s, "connect it to a socket with a name",
			"it is connected to socket %u, which has no name to be found by",
			s->what, u->peer);
	else if (s->data && !u->name_len && !mutual && !s->usk->crl_gone)
		REFUSE(f, s, "let the task receive it first",
			"data waits in it, and it has neither a name nor a peer to get "
			"it from",
			s->what);
}

static int by_name(const void *left, const void *right)
{
	const struct unix_seen *a = *(const struct unix_seen **)left;
	const struct unix_seen *b = *(const struct unix_seen **)right;
	size_t n = a->info->name_len < b->info->name_len ? a->info->name_len
							 : b->info->name_len;
	int c = memcmp(a->info->name, b->info->name, n);

	if (!c)
		c = (a->info->name_len > b->info->name_len) -
		    (a->info->name_len < b->info->name_len);
	if (!c)
		c = (int)a->usk->deleted - (int)b->usk->deleted;
	/* the listener first */
	return c ? c
		 : (b->info->state == UNIX_LISTENS) - (a->info->state == UNIX_LISTENS);
}

static bool same_name(const struct unix_info *a, const struct unix_info *b)
{
	return a->name_len == b->name_len && !memcmp(a->name, b->name, a->name_len);
}

static bool listener_outside(const struct files_unix *all, const struct unix_info *u)
{
	for (size_t i = 0; i < all->all.count; i++) {
		const struct unix_info *o = &all->all.list[i];

		if (o->state == UNIX_LISTENS && o->vfs_ino == u->vfs_ino &&
			same_name(o, u) && !seen_find(all, o->ino))
			return true;
	}
	return false;
}

/* Several connected sockets with one name were accepted by a listener: it must be there.
 */
static void check_names(struct files *f, const struct unix_seen **named, size_t n)
{
	const struct unix_seen *first = NULL, *s;

	qsort(named, n, sizeof(*named), by_name);
	for (size_t i = 0; i < n; i++) {
		s = named[i];
		if (!first || !same_name(first->info, s->info) ||
			first->usk->deleted != s->usk->deleted) {
			first = s;
			if (s->info->state != UNIX_LISTENS &&
				s->info->type != SOCK_DGRAM &&
				listener_outside(f->unix_sockets, s->info))
				REFUSE(f, s, "dump the task that listens too",
					"it was accepted by a listener outside of the "
					"tree",
					s->what);
			continue;
		}
		if (first->info->state != UNIX_LISTENS)
			REFUSE(f, s, "keep the listening socket open",
				"it shares its name with another connection, and their "
				"listener "
				"is closed",
				s->what);
	}
}

static const struct unix_seen *sender(
	const struct files_unix *all, const struct unix_packet *p)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct unix_info *u = all->seen[i].info;

		if (u->type == SOCK_DGRAM && u->name_len == p->from_len &&
			!memcmp(u->name, p->from, p->from_len))
			return &all->seen[i];
	}
	return NULL;
}

static int write_packet(struct files *f, const struct unix_packet *p, struct err *err)
{
	const struct files_unix *all = f->unix_sockets;
	const struct unix_seen *from;
	int ret;

	if (p->to->type == SOCK_DGRAM && p->from_len) {
		from = sender(all, p);
		if (!from) {
			const struct unix_seen *to = seen_find(all, p->to->ino);

			if (to)
				REFUSE(f, to, "let the task receive it first",
					"a datagram waits in it whose sender, named "
					"%s%.*s, is not "
					"in the tree",
					to->what, p->from[0] ? "" : "@",
					(int)p->from_len - !p->from[0],
					(const char *)p->from + !p->from[0]);
			return 0;
		}
		p->e->has_crl_from = true;
		p->e->crl_from = from->usk->id;
	}
	ret = image_writer_record(f->out.queues, &p->e->base, err);
	return ret ? ret : image_writer_bytes(f->out.queues, p->data, p->e->length, err);
}

int unix_finish(struct files *f, struct err *err)
{
	struct files_unix *all = f->unix_sockets;
	const struct unix_seen **named;
	size_t n = 0;
	int ret = 0;

	if (!all || !all->count)
		return 0;
	qsort(all->seen, all->count, sizeof(*all->seen), by_ino);
	named = arena_alloc(&f->arena, all->count * sizeof(*named));
	for (size_t i = 0; i < all->count; i++) {
		check_peer(f, &all->seen[i]);
		if (all->seen[i].info->name_len)
			named[n++] = &all->seen[i];
	}
	check_names(f, named, n);
	for (size_t i = 0; i < all->packets && !ret; i++)
		ret = write_packet(f, &all->packet[i], err);
	return ret;
}
