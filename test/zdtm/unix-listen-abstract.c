// SPDX-License-Identifier: GPL-2.0-only
/*
 * A listener with an abstract name, a connection that it accepted, with the
 * names at both ends, and one made after the restore.
 */
#include "zdtm.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un name = { .sun_family = AF_UNIX };
static socklen_t len;

typedef int get_name(int fd, struct sockaddr *addr, socklen_t *len);

static int is_named(get_name *get, int fd, bool named)
{
	struct sockaddr_un got;
	socklen_t n = sizeof(got);

	must(get(fd, (void *)&got, &n));
	if (named ? n != len || memcmp(&got, &name, n) : n != sizeof(sa_family_t))
		return fail("a name of %d bytes", n);
	return 0;
}

static int talk(int from, int to)
{
	char text[8] = "";

	must(write(from, "hello", 5));
	return read(to, text, 5) == 5 && !strcmp(text, "hello")
		       ? 0
		       : fail("they do not talk");
}

static int new_client(int listener, int *accepted)
{
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0));

	if (connect(fd, (void *)&name, len))
		return fail("connect: %m");
	*accepted = must(accept(listener, NULL, NULL));
	return fd;
}

int main(int argc, char **argv)
{
	int listener, client, server, other, fresh;
	struct ucred cred;
	socklen_t n = sizeof(cred);

	test_init(argc, argv);
	len = sizeof(sa_family_t) + sprintf(name.sun_path, "@zdtm-%d-listen", getpid());
	name.sun_path[0] = '\0';
	listener = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(bind(listener, (void *)&name, len));
	must(listen(listener, 3));
	client = new_client(listener, &server);
	must(write(client, "early", 5));
	test_daemon();
	test_waitsig();
	sabotage("listener", close(listener); listener = socket(AF_UNIX, SOCK_STREAM, 0));
	sabotage("name", int p[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, p); client = p[0];
		 server = p[1]; write(client, "early", 5));
	if (is_named(getsockname, server, true) || is_named(getpeername, client, true) ||
		is_named(getsockname, client, false) ||
		is_named(getsockname, listener, true))
		return 1;
	if (read(server, &cred, 5) != 5 || talk(client, server) || talk(server, client))
		return fail("the old connection");
	fresh = new_client(listener, &other);
	if (talk(fresh, other) || talk(other, fresh))
		return fail("the new connection");
	if (getsockopt(fresh, SOL_SOCKET, SO_PEERCRED, &cred, &n) || cred.pid != getpid())
		return fail("the listener seems to be pid %d", cred.pid);
	pass();
	return 0;
}
