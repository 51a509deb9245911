// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets: what is written of them; unix-restore.c makes them again.
 *
 * A socket is known by its inode. Peers, names and what is shut down come from
 * sock_diag (unix-diag.c), what waits to be read from the socket (peek.c), and
 * options from the socket too. What the kernel shows:
 *
 * - A stream whose peer was closed stays connected, to inode 0, shut down both
 *   ways. A connection that nobody has accepted has peer 0 too, but is not shut
 *   down. An accepted socket bears the listener's name.
 * - A datagram socket may have a peer that has none, or another. It counts as
 *   connected from when somebody connects to it.
 * - The file of a path is looked for by its inode: a path that leads elsewhere
 *   was unlinked. For a relative one the working directory is tried.
 *
 * Only the whole tree tells whether peers are in it and who has which name:
 * unix-tree.c. Not carried: descriptors on their way in a queue,
 * connections not yet accepted, peers outside of the tree, urgent data. Who the
 * peer is (SO_PEERCRED) was noted by the kernel when two ends met; of a restored
 * connection it says crl.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crl/err.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "image/frame.h"
#include "proto/sk-packet.pb-c.h"
#include "proto/sk-unix.pb-c.h"
#include "snapshot/obstacles.h"
#include "sock/opts.h"
#include "sock/peek.h"
#include "sock/unix.h"
#include "sock/unix-diag.h"
#include "sock/unix-restore.h"
#include "task/task.h"

static bool unix_probe(const struct fd_view *v)
{
	socklen_t len = sizeof(int);
	int domain;

	return S_ISSOCK(v->st.st_mode) &&
	       !getsockopt(v->local, SOL_SOCKET, SO_DOMAIN, &domain, &len) &&
	       domain == AF_UNIX;
}

static int unix_start(struct files *f, struct err *err)
{
	if (f->unix_sockets)
		return 0;
	f->unix_sockets = arena_alloc(&f->arena, sizeof(*f->unix_sockets));
	return unix_diag(&f->arena, &f->unix_sockets->all, err);
}

/* What can be told to be impossible without looking at others. */
static const char *impossible(
	const struct unix_info *u, short polled, const char **remedy)
{
	if (polled & POLLPRI) {
		*remedy = "let the task receive it first";
		return "urgent data (MSG_OOB) waits in it, which is not carried";
	}
	if (u->state == UNIX_LISTENS && u->rqueue) {
		*remedy = "let the task accept them first";
		return "connections wait to be accepted, which is not carried";
	}
	if (u->type != SOCK_DGRAM && u->state == UNIX_CONNECTED && !u->peer &&
		u->shutdown != 3) {
		*remedy = "let the listener accept it first";
		return "its connection has not been accepted yet, which is not carried";
	}
	/* To look at the packets would take it away. */
	if ((polled & POLLERR) &&
		(u->type == SOCK_DGRAM || (u->type == SOCK_SEQPACKET && u->rqueue))) {
		*remedy = "let the task receive it first";
		return "an error waits in it (ECONNRESET), which is not carried";
	}
	return NULL;
}

/* Does the path lead to the file that the socket was bound to? */
static bool leads_to(const char *path, const struct unix_info *u, struct stat *st)
{
	return !lstat(path, st) && S_ISSOCK(st->st_mode) &&
	       (uint32_t)st->st_ino == u->vfs_ino;
}

static int dump_path(struct files *f, const struct fd_view *v, const struct unix_info *u,
	UnixSkEntry *usk, struct err *err)
{
	const char *name = (const char *)u->name;
	char cwd[PATH_MAX + 1] = "", path[PATH_MAX + 120];
	struct stat st;

	if (name[0] != '/' && readlinkat(v->task->proc, "cwd", cwd, sizeof(cwd) - 1) < 0)
		return err_os(err, errno, "read its working directory");
	snprintf(path, sizeof(path), "%s%s%.*s", cwd, cwd[0] ? "/" : "", (int)u->name_len,
		name);
	if (leads_to(path, u, &st)) {
		usk->file_perms = arena_msg(&f->arena, FilePermsEntry, file_perms_entry);
		usk->file_perms->mode = st.st_mode;
		usk->file_perms->uid = st.st_uid;
		usk->file_perms->gid = st.st_gid;
	} else if (cwd[0]) {
		return fd_refuse(f, v,
			"the relative path that it is bound to does not lead to it "
			"from the task's working directory",
			"bind it to an absolute path");
	} else if (!lstat(path, &st)) {
		return fd_refuse(f, v,
			"another file has the path now that it is bound to",
			"remove that file");
	} else {
		usk->has_deleted = usk->deleted = true;
	}
	if (cwd[0])
		usk->name_dir = arena_text(&f->arena, cwd);
	return 0;
}

static int dump_queue(struct files *f, const struct fd_view *v, const struct unix_info *u,
	const UnixSkEntry *usk, struct err *err)
{
	struct files_unix *all = f->unix_sockets;
	struct peek p;
	int ret = peek_all(v->local, u->type, u->rqueue, u->shutdown & 1, &p, err);

	if (!ret && p.rights)
		ret = fd_refuse(f, v,
			"descriptors are on their way in it (SCM_RIGHTS), which is not "
			"carried",
			"let the task receive them first");
	for (size_t i = 0; !ret && i < p.count; i++) {
		const struct peeked *k = &p.packet[i];
		SkPacketEntry *e = arena_msg(&f->arena, SkPacketEntry, sk_packet_entry);
		struct unix_packet new = { .e = e, .to = u, .from_len = k->from_len };

		e->id_for = usk->id;
		e->length = k->len;
		e->has_crl_pid = e->has_crl_uid = e->has_crl_gid = k->has_cred;
		e->crl_pid = k->cred.pid;
		e->crl_uid = k->cred.uid;
		e->crl_gid = k->cred.gid;
		new.data = arena_copy(&f->arena, p.data + k->at, k->len);
		new.from = arena_copy(&f->arena, p.data + k->from, k->from_len);
		arena_push(&f->arena, all->packet, all->packets, all->packet_cap, new);
	}
	peek_deinit(&p);
	return ret;
}

static int dump_fields(struct files *f, const struct fd_view *v,
	const struct unix_info *u, short polled, UnixSkEntry *usk, struct err *err)
{
	socklen_t len = sizeof(int);
	int ret, off = -1;

	usk->ino = u->ino;
	usk->type = u->type;
	usk->state = u->state;
	usk->flags = v->flags;
	usk->backlog = u->wqueue;
	usk->peer = u->peer;
	usk->fown = v->fown;
	usk->name = (ProtobufCBinaryData){ u->name_len, (uint8_t *)u->name };
	usk->has_shutdown = true;
	usk->shutdown = u->shutdown & 3;
	usk->crl_gone = usk->has_crl_gone = u->has_peer && !u->peer;
	usk->crl_reset = usk->has_crl_reset = usk->crl_gone && (polled & POLLERR);
	getsockopt(v->local, SOL_SOCKET, SO_PEEK_OFF, &off, &len);
	usk->has_crl_peek_off = off >= 0;
	usk->crl_peek_off = off;
	ret = sock_opts_dump(&f->arena, v->local, &usk->opts, err);
	if (ret == -EACCES)
		return fd_refuse(f, v,
			"an eBPF program filters what it receives, which cannot be read",
			"detach it (SO_DETACH_FILTER)");
	if (!ret && u->name_len && u->name[0])
		ret = dump_path(f, v, u, usk, err);
	return ret;
}

/* Of datagrams rqueue counts the first only, which may be empty; poll tells the end too.
 */
static bool has_data(const struct unix_info *u, short polled)
{
	if (u->state == UNIX_LISTENS || !(polled & POLLIN))
		return false;
	return u->rqueue || u->type == SOCK_DGRAM ||
	       (u->type == SOCK_SEQPACKET && !(u->shutdown & 1));
}

static int unix_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	struct pollfd poll_one = { .fd = v->local, .events = POLLIN | POLLPRI };
	const char *why, *remedy = NULL;
	const struct unix_info *u;
	struct unix_seen seen;
	int ret = unix_start(f, err);

	if (ret)
		return ret;
	u = unix_find(&f->unix_sockets->all, v->st.st_ino);
	if (!u)
		return fd_refuse(f, v, "it belongs to another network namespace",
			"run crl in the network namespace of the tree");
	poll(&poll_one, 1, 0);
	why = impossible(u, poll_one.revents, &remedy);
	if (why)
		return fd_refuse(f, v, why, remedy);
	e->usk = arena_msg(&f->arena, UnixSkEntry, unix_sk_entry);
	e->usk->id = e->id;
	ret = dump_fields(f, v, u, poll_one.revents, e->usk, err);
	if (ret)
		return ret;
	seen = (struct unix_seen){ .usk = e->usk, .info = u, .pid = v->task->pid };
	seen.comm = arena_text(&f->arena, v->task->stat.comm);
	seen.what = arena_printf(&f->arena, "fd %d (%s)", v->fd, v->link);
	seen.data = has_data(u, poll_one.revents);
	if (seen.data)
		ret = dump_queue(f, v, u, e->usk, err);
	if (!ret)
		arena_push(&f->arena, f->unix_sockets->seen, f->unix_sockets->count,
			f->unix_sockets->cap, seen);
	return ret;
}

static void unix_show(const FileEntry *e, char *text, size_t size)
{
	const UnixSkEntry *u = e->usk;
	const char *type = u->type == SOCK_STREAM  ? "stream"
			   : u->type == SOCK_DGRAM ? "datagram"
						   : "seqpacket";
	bool abstract = u->name.len && !u->name.data[0];

	snprintf(text, size, "unix %s socket:[%u] %s%s%.*s", type, u->ino,
		u->state == UNIX_LISTENS ? "listening "
		: u->peer		 ? "connected "
					 : "",
		abstract ? "@" : "", (int)u->name.len - abstract,
		u->name.len ? (char *)u->name.data + abstract : "");
}

static int unix_check(struct err *err)
{
	struct unix_list all;
	struct arena arena;
	int ret;

	arena_init(&arena);
	ret = unix_diag(&arena, &all, err);
	arena_deinit(&arena);
	return ret;
}

const struct fd_ops unix_ops = {
	.name = "unix socket",
	.type = FD_TYPES__UNIXSK,
	.probe = unix_probe,
	.dump = unix_dump,
	.finish = unix_finish,
	.load = unix_load,
	.release = unix_release,
	.verify = unix_verify,
	.open = unix_open,
	.attach = unix_attach,
	.show = unix_show,
	.check = unix_check,
};
