// SPDX-License-Identifier: GPL-2.0-only
/*
 * An established TCP connection is refused, with the options that will be for
 * it, and works on.
 *
 * zdtm: dump-fails="neither --tcp-established nor --tcp-close"
 */
#include "zdtm.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(to);
	int listener, client, server;
	char c = 0;

	test_init(argc, argv);
	listener = must(socket(AF_INET, SOCK_STREAM, 0));
	must(bind(listener, (void *)&to, sizeof(to)));
	must(listen(listener, 1));
	must(getsockname(listener, (void *)&to, &len));
	client = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(client, (void *)&to, sizeof(to)));
	server = must(accept(listener, NULL, NULL));
	close(listener);
	must(write(client, "x", 1));
	test_daemon();
	test_waitsig();
	sabotage("data", read(server, &c, 1); write(client, "z", 1));
	sabotage("closed", shutdown(client, SHUT_WR));
	if (read(server, &c, 1) != 1 || c != 'x')
		return fail("'%c' instead of 'x'", c);
	if (send(client, "y", 1, MSG_NOSIGNAL) != 1 || read(server, &c, 1) != 1 ||
		c != 'y')
		return fail("it does not work on: %m");
	pass();
	return 0;
}
