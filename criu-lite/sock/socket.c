// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets that are not carried yet: all but unix ones. This row of the table
 * takes what is left, to say what it is, between which addresses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "crl/err.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/restore-files.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

static bool socket_probe(const struct fd_view *v)
{
	return S_ISSOCK(v->st.st_mode);
}

static int option(int fd, int number)
{
	socklen_t len = sizeof(int);
	int value = -1;

	getsockopt(fd, SOL_SOCKET, number, &value, &len);
	return value;
}

typedef int name_call(int fd, struct sockaddr *addr, socklen_t *len);

static const char *address(int fd, name_call *call, char text[80])
{
	struct sockaddr_storage ss = { 0 };
	const struct sockaddr_in *in = (const void *)&ss;
	const struct sockaddr_in6 *in6 = (const void *)&ss;
	socklen_t len = sizeof(ss);
	char ip[INET6_ADDRSTRLEN] = "";

	if (call(fd, (struct sockaddr *)&ss, &len))
		return NULL;
	if (ss.ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
		snprintf(text, 80, "%s:%u", ip, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		snprintf(text, 80, "[%s]:%u", ip, ntohs(in6->sin6_port));
	}
	return text;
}

static int refuse_tcp(struct files *f, const struct fd_view *v)
{
	char local[80] = "?", remote[80], what[300];
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(v->local, IPPROTO_TCP, TCP_INFO, &info, &len);
	address(v->local, getsockname, local);
	if (info.tcpi_state == TCP_LISTEN)
		snprintf(what, sizeof(what),
			"a TCP socket that listens at %s is not carried yet", local);
	else if (address(v->local, getpeername, remote))
		snprintf(what, sizeof(what),
			"established TCP connection %s -> %s: neither --tcp-established "
			"nor --tcp-close "
			"is carried out yet",
			local, remote);
	else
		snprintf(what, sizeof(what),
			"a TCP socket, bound to %s, is not carried yet", local);
	return fd_refuse(f, v, what, "close it before the dump");
}

static const char *family_name(int family)
{
	switch (family) {
	case AF_INET:
		return "IPv4";
	case AF_INET6:
		return "IPv6";
	case AF_NETLINK:
		return "netlink";
	case AF_PACKET:
		return "packet";
	case AF_VSOCK:
		return "vsock";
	case AF_ALG:
		return "kernel crypto";
	default:
		return NULL;
	}
}

static int socket_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	int family = option(v->local, SO_DOMAIN), type = option(v->local, SO_TYPE);
	int protocol = option(v->local, SO_PROTOCOL);
	const char *name = family_name(family);
	char what[200], local[80] = "";

	if ((family == AF_INET || family == AF_INET6) && type == SOCK_STREAM &&
		protocol == IPPROTO_TCP)
		return refuse_tcp(f, v);
	if (family == AF_INET || family == AF_INET6)
		address(v->local, getsockname, local);
	if (name)
		snprintf(what, sizeof(what),
			"%s socket (type %d, protocol %d%s%s): not carried yet", name,
			type, protocol, local[0] ? ", bound to " : "", local);
	else
		snprintf(what, sizeof(what),
			"socket of family %d (type %d, protocol %d): not carried", family,
			type, protocol);
	return fd_refuse(f, v, what, "close it before the dump");
}

static int socket_verify(
	const struct restore_files *r, const FileEntry *e, struct err *err)
{
	return err_set(
		err, EOPNOTSUPP, "file %u: internet sockets are not restored yet", e->id);
}

static int socket_open(
	struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	return socket_verify(r, e, err);
}

static void socket_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "internet socket");
}

static int socket_check(struct err *err)
{
	return err_set(err, EOPNOTSUPP, "internet and other sockets are not carried yet");
}

const struct fd_ops socket_ops = {
	.name = "socket",
	.type = FD_TYPES__INETSK,
	.probe = socket_probe,
	.dump = socket_dump,
	.verify = socket_verify,
	.open = socket_open,
	.show = socket_show,
	.check = socket_check,
};
