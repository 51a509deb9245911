// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets as sock_diag(7) lists them, all of the network namespace in one
 * dump. It knows what no call on the socket tells: the peer's inode, what is
 * shut down, and the file that a path led to when the socket was bound.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "crl/err.h"
#include "snapshot/arena.h"
#include "sock/unix-diag.h"

#define ROUNDS 5 /* sockets come and go while the kernel lists them */

struct gather {
	struct arena *arena;
	struct unix_info *list;
	size_t count, cap;
	bool torn;
};

static void take_attrs(struct gather *g, struct nlattr **attr, struct unix_info *u)
{
	struct unix_diag_rqlen len;
	struct unix_diag_vfs vfs;

	if (attr[UNIX_DIAG_NAME]) {
		u->name_len = nla_len(attr[UNIX_DIAG_NAME]);
		u->name =
			arena_copy(g->arena, nla_data(attr[UNIX_DIAG_NAME]), u->name_len);
	}
	if (attr[UNIX_DIAG_VFS] &&
		nla_memcpy(&vfs, attr[UNIX_DIAG_VFS], sizeof(vfs)) == sizeof(vfs)) {
		u->vfs_ino = vfs.udiag_vfs_ino;
		u->vfs_dev = vfs.udiag_vfs_dev;
	}
	u->has_peer = attr[UNIX_DIAG_PEER];
	if (u->has_peer)
		u->peer = nla_get_u32(attr[UNIX_DIAG_PEER]);
	if (attr[UNIX_DIAG_RQLEN] &&
		nla_memcpy(&len, attr[UNIX_DIAG_RQLEN], sizeof(len)) == sizeof(len)) {
		u->rqueue = len.udiag_rqueue;
		u->wqueue = len.udiag_wqueue;
	}
	if (attr[UNIX_DIAG_SHUTDOWN])
		u->shutdown = nla_get_u8(attr[UNIX_DIAG_SHUTDOWN]);
}

static int take(struct nl_msg *msg, void *arg)
{
	struct gather *g = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlattr *attr[UNIX_DIAG_MAX + 1];
	const struct unix_diag_msg *d;
	struct unix_info u = { 0 };

	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		g->torn = true;
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || !nlmsg_valid_hdr(h, sizeof(*d)) ||
		nlmsg_parse(h, sizeof(*d), attr, UNIX_DIAG_MAX, NULL) < 0)
		return NL_SKIP;
	d = nlmsg_data(h);
	u.ino = d->udiag_ino;
	u.type = d->udiag_type;
	u.state = d->udiag_state;
	take_attrs(g, attr, &u);
	arena_push(g->arena, g->list, g->count, g->cap, u);
	return NL_OK;
}

static int list_all(struct nl_sock *sk, struct gather *g)
{
	struct unix_diag_req req = {
		.sdiag_family = AF_UNIX,
		.udiag_states = UINT32_MAX,
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER |
			      UDIAG_SHOW_RQLEN,
	};
	int ret = nl_send_simple(sk, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req));

	return ret < 0 ? ret : nl_recvmsgs_default(sk);
}

static int ino_cmp(const void *left, const void *right)
{
	const struct unix_info *a = left, *b = right;

	return (a->ino > b->ino) - (a->ino < b->ino);
}

int unix_diag(struct arena *arena, struct unix_list *all, struct err *err)
{
	struct nl_sock *sk = nl_socket_alloc();
	struct gather g;
	int ret = sk ? nl_connect(sk, NETLINK_SOCK_DIAG) : -NLE_NOMEM;

	for (int round = 0; !ret && round < ROUNDS; round++) {
		g = (struct gather){ .arena = arena };
		nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, take, &g);
		ret = list_all(sk, &g);
		if (ret == -NLE_DUMP_INTR || g.torn)
			ret = round + 1 < ROUNDS ? 0 : -NLE_DUMP_INTR;
		else if (!ret)
			break;
	}
	nl_socket_free(sk);
	if (ret)
		return err_set(err, EIO, "list unix sockets (CONFIG_UNIX_DIAG): %s",
			nl_geterror(ret));
	if (g.count)
		qsort(g.list, g.count, sizeof(*g.list), ino_cmp);
	all->list = g.list;
	all->count = g.count;
	return 0;
}

const struct unix_info *unix_find(const struct unix_list *all, uint32_t ino)
{
	struct unix_info key = { .ino = ino };

	return all->count ? bsearch(&key, all->list, all->count, sizeof(key), ino_cmp)
			  : NULL;
}
