// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection that was not accepted yet: the dump is refused, and it can be.
 *
 * zdtm: dump-fails="connections wait to be accepted"
 */
#include "zdtm.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listener, client, server;
	socklen_t len;
	char c = 0;

	test_init(argc, argv);
	len = sizeof(sa_family_t) + sprintf(name.sun_path, "@zdtm-%d-accept", getpid());
	name.sun_path[0] = '\0';
	listener = must(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
	must(bind(listener, (void *)&name, len));
	must(listen(listener, 1));
	client = must(socket(AF_UNIX, SOCK_STREAM, 0));
	must(connect(client, (void *)&name, len));
	must(write(client, "x", 1));
	test_daemon();
	test_waitsig();
	sabotage("accepted", accept(listener, NULL, NULL));
	server = accept(listener, NULL, NULL);
	if (server < 0 || read(server, &c, 1) != 1 || c != 'x')
		return fail("accept: %m");
	pass();
	return 0;
}
