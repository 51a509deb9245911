// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making unix sockets. All of a tree are made at once, in crl, in steps that no
 * socket can take before all others have taken the one before:
 *
 *   1 stand       those without a peer, and listeners: bound, listening
 *   2 pairs       streams and pairs of datagram sockets; those accepted by a
 *                 listener of the tree really are connected and accepted, which
 *                 alone gives them its name
 *   3 queues      every packet from whom it came
 *   4 connect     datagram sockets, by name: whoever connects to a socket goes
 *                 before that one itself, which then takes from its peer only
 *   5 end         what was shut down, options, paths that had been removed
 *
 * A peer that was closed is made too, and closed in step 5; with something
 * unread in it when that had been so, for the other end to get ECONNRESET.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/log.h"
#include "fd/aside.h"
#include "sock/opts.h"
#include "sock/unix-make.h"

static bool has_path(const UnixSkEntry *usk)
{
	return usk->name.len && usk->name.data[0];
}

bool unix_path(const UnixSkEntry *usk, char *path, size_t size)
{
	const char *dir = usk->name_dir && usk->name.len && usk->name.data[0] != '/'
				  ? usk->name_dir
				  : NULL;

	if (!has_path(usk))
		return false;
	snprintf(path, size, "%s%s%.*s", dir ? dir : "", dir ? "/" : "",
		(int)usk->name.len, (const char *)usk->name.data);
	return true;
}

/* Calls that take a name, made where a relative one leads to the socket. */
struct named {
	int fd;
	const struct unix_made *to;
	int (*call)(const struct named *n, struct err *err);
	struct sockaddr_un addr;
	socklen_t len;
	const struct msghdr *msg;
};

static int named_thread(void *arg, struct err *err)
{
	struct named *n = arg;

	if (chdir(n->to->usk->name_dir))
		return err_os(err, errno, "enter %s", n->to->usk->name_dir);
	return n->call(n, err);
}

static int named_call(struct named *n, struct err *err)
{
	const UnixSkEntry *usk = n->to->usk;
	size_t len = usk->name.len;

	n->addr.sun_family = AF_UNIX;
	if (len > sizeof(n->addr.sun_path)) /* a path may fill it; the NUL is not in it
					       then */
		len = sizeof(n->addr.sun_path);
	memcpy(n->addr.sun_path, usk->name.data, len);
	n->len = offsetof(struct sockaddr_un, sun_path) + len;
	if (!has_path(usk) || usk->name.data[0] == '/')
		return n->call(n, err);
	return aside(CLONE_FS, named_thread, n, err);
}

static int call_bind(const struct named *n, struct err *err)
{
	const UnixSkEntry *usk = n->to->usk;
	const FilePermsEntry *perms = usk->file_perms;
	char path[sizeof(n->addr.sun_path) + 1];
	struct stat st;

	snprintf(path, sizeof(path), "%.*s", (int)sizeof(n->addr.sun_path),
		n->addr.sun_path);
	/* It was looked at before: nobody has it any more. */
	if (path[0] && !lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	if (bind(n->fd, (const struct sockaddr *)&n->addr, n->len))
		return err_os(err, errno, "bind it to %s%s", path[0] ? "" : "@",
			path[0] ? path : "an abstract name");
	if (!path[0] || !perms)
		return 0;
	if (chmod(path, perms->mode & 07777))
		return err_os(err, errno, "%s: set its permissions", path);
	if (!lstat(path, &st) && (st.st_uid != perms->uid || st.st_gid != perms->gid) &&
		lchown(path, perms->uid, perms->gid))
		return err_os(err, errno, "%s: set its owner", path);
	return 0;
}

static int call_connect(const struct named *n, struct err *err)
{
	if (connect(n->fd, (const struct sockaddr *)&n->addr, n->len))
		return err_os(err, errno, "connect it to socket %u", n->to->usk->ino);
	return 0;
}

static int call_send(const struct named *n, struct err *err)
{
	struct msghdr m = *n->msg;

	m.msg_name = (void *)&n->addr;
	m.msg_namelen = n->len;
	return sendmsg(n->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int make_socket(struct unix_made *m, struct err *err)
{
	m->fd = socket(AF_UNIX, m->usk->type | SOCK_CLOEXEC, 0);
	return m->fd < 0 ? err_os(err, errno, "make it") : 0;
}

/* A name of its own; that of an accepted socket is its listener's. */
static int bind_own(const struct unix_made *m, struct err *err)
{
	struct named n = { .fd = m->fd, .to = m, .call = call_bind };

	return m->usk->name.len && !m->listener ? named_call(&n, err) : 0;
}

/* Has it a peer that must be made together with it? */
static bool in_pair(const struct unix_made *m)
{
	return m->usk->state != UNIX_LISTENS && !m->by_connect && (m->mutual || m->gone);
}

static int stand(struct unix_made *m, struct err *err)
{
	int ret;

	if (in_pair(m))
		return 0;
	ret = make_socket(m, err);
	if (!ret)
		ret = bind_own(m, err);
	if (!ret && m->usk->state == UNIX_LISTENS && listen(m->fd, m->usk->backlog))
		ret = err_os(err, errno, "listen");
	return ret;
}

/* `server` was accepted; the client's end is the peer's, or of one that is closed. */
static int accepted(struct unix_made *server, int *client, struct err *err)
{
	struct named n = { .to = server->listener, .call = call_connect };
	int ret = 0;

	*client = socket(AF_UNIX, server->usk->type | SOCK_CLOEXEC, 0);
	if (*client < 0)
		return err_os(err, errno, "make it");
	if (server->peer)
		ret = bind_own(server->peer, err);
	n.fd = *client;
	if (!ret)
		ret = named_call(&n, err);
	if (ret)
		return ret;
	server->fd = accept4(server->listener->fd, NULL, NULL, SOCK_CLOEXEC);
	return server->fd < 0 ? err_os(err, errno, "accept a connection") : 0;
}

static int pair(struct unix_made *m, struct err *err)
{
	int *other = m->peer ? &m->peer->fd : &m->mate;
	int fd[2], ret;

	if (!in_pair(m) || m->fd >= 0)
		return 0;
	if (m->listener)
		return accepted(m, other, err);
	if (m->peer && m->peer->listener)
		return accepted(m->peer, &m->fd, err);
	if (socketpair(AF_UNIX, m->usk->type | SOCK_CLOEXEC, 0, fd))
		return err_os(err, errno, "make a pair");
	m->fd = fd[0];
	*other = fd[1];
	ret = bind_own(m, err);
	return ret || !m->peer ? ret : bind_own(m->peer, err);
}

static void add_cred(struct msghdr *m, const struct ucred *cred)
{
	struct cmsghdr *c = m->msg_control;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(*cred));
	memcpy(CMSG_DATA(c), cred, sizeof(*cred));
}

/* 0, or -errno. A NULL name: to the peer. A stream takes what it has room for. */
static int send_once(int fd, const struct unix_made *to, bool connected,
	struct iovec *iov, const struct msghdr *m)
{
	struct named n = { .fd = fd, .to = to, .call = call_send, .msg = m };
	struct err ignored;
	ssize_t sent;

	if (!connected)
		return named_call(&n, &ignored);
	do {
		sent = sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			return -errno;
		iov->iov_base = (char *)iov->iov_base + sent;
		iov->iov_len -= sent;
	} while (iov->iov_len);
	return 0;
}

static int send_packet(const struct restore_unix *all, int fd, const struct unix_made *to,
	bool connected, const struct unix_queued *q, struct err *err)
{
	struct ucred cred = {
		.pid = q->e->crl_pid, .uid = q->e->crl_uid, .gid = q->e->crl_gid
	};
	struct iovec iov = { .iov_base = (void *)q->data, .iov_len = q->e->length };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int one = 1, ret;

	if (q->e->has_crl_pid) {
		setsockopt(to->fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		add_cred(&m, &cred);
	}
	ret = send_once(fd, to, connected, &iov, &m);
	if (ret == -EAGAIN || ret == -EMSGSIZE) {
		sock_opts_roomy(fd);
		ret = send_once(fd, to, connected, &iov, &m);
	}
	if (q->e->has_crl_pid && (ret == -EPERM || ret == -ESRCH)) {
		log_warn(all->log,
			"socket %u: data from pid %u will seem to come from crl",
			to->usk->ino, q->e->crl_pid);
		m.msg_control = NULL;
		m.msg_controllen = 0;
		ret = send_once(fd, to, connected, &iov, &m);
	}
	return ret ? err_os(err, -ret, "put %u bytes into it", q->e->length) : 0;
}

static int fill(
	const struct restore_unix *all, const struct unix_made *m, struct err *err)
{
	bool connected = in_pair(m);
	int ret = 0;

	for (const struct unix_queued *q = m->first; q && !ret; q = q->next) {
		auto_fd int stranger = -1;
		int fd = m->peer ? m->peer->fd : m->mate;

		if (!connected && q->from) {
			fd = q->from->fd;
		} else if (!connected) {
			fd = stranger = socket(AF_UNIX, m->usk->type | SOCK_CLOEXEC, 0);
			if (fd < 0)
				return err_os(err, errno, "make a sender");
		}
		ret = send_packet(all, fd, m, connected, q, err);
	}
	return ret;
}

static int connect_one(struct unix_made *m, struct err *err)
{
	struct named n = { .fd = m->fd, .to = m->peer, .call = call_connect };
	int ret = named_call(&n, err);

	m->by_connect = false;
	if (m->peer->peer != m)
		m->peer->incoming--;
	return ret ? err_in(err, ret, "socket %u", m->usk->ino) : 0;
}

static int connect_all(struct restore_unix *all, struct err *err)
{
	bool more;

	do {
		more = false;
		for (size_t i = 0; i < all->count; i++) {
			struct unix_made *m = &all->list[i];
			int ret = 0;

			if (!m->by_connect || m->incoming)
				continue;
			ret = connect_one(m, err);
			if (ret)
				return ret;
			more = true;
		}
	} while (more);
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].by_connect)
			return err_set(err, EINVAL, "socket %u: connected in a circle",
				all->list[i].usk->ino);
	return 0;
}

static int finish_one(struct unix_made *m, struct err *err)
{
	const UnixSkEntry *usk = m->usk;
	char path[4300];
	int ret;

	if (m->mate >= 0) {
		if (usk->crl_reset)
			send(m->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(m->mate);
		m->mate = -1;
	}
	if (usk->shutdown && shutdown(m->fd, usk->shutdown - 1) && errno != ENOTCONN)
		return err_os(err, errno, "shut it down");
	if (usk->deleted && !m->listener && unix_path(usk, path, sizeof(path)) &&
		unlink(path))
		return err_os(err, errno, "%s: remove it again", path);
	ret = sock_opts_restore(usk->opts, m->fd, err);
	if (!ret && usk->has_crl_peek_off &&
		setsockopt(m->fd, SOL_SOCKET, SO_PEEK_OFF, &usk->crl_peek_off,
			sizeof(usk->crl_peek_off)))
		ret = err_os(err, errno, "set SO_PEEK_OFF");
	return ret;
}

int unix_make_all(struct restore_unix *all, struct err *err)
{
	struct unix_made *m = NULL;
	size_t n = all->count;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = stand(m = &all->list[i], err);
	for (size_t i = 0; i < n && !ret; i++)
		ret = pair(m = &all->list[i], err);
	for (size_t i = 0; i < n && !ret; i++)
		ret = fill(all, m = &all->list[i], err);
	if (ret)
		return err_in(err, ret, "socket %u", m->usk->ino);
	ret = connect_all(all, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < n && !ret; i++)
		ret = finish_one(m = &all->list[i], err);
	return ret ? err_in(err, ret, "socket %u", m->usk->ino) : 0;
}
