// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bound datagram sockets: one that clients are connected to, in a chain, one
 * that is connected to itself, one with datagrams from senders with and without
 * a name, which the receiver is told.
 */
#include "zdtm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SERVER, CLIENT, LAST, SELF, NAMES, UNNAMED = NAMES, ALL };
static struct sockaddr_un name[NAMES];
static socklen_t len[NAMES];
static int sk[ALL];

/* One datagram, and from whom; -1: from one without a name. */
static int expect(int at, const char *text, int from)
{
	struct sockaddr_un got;
	socklen_t n = sizeof(got);
	char data[20] = "";

	if (recvfrom(sk[at], data, 19, MSG_DONTWAIT, (void *)&got, &n) < 0 ||
		strcmp(data, text))
		return fail("socket %d: \"%s\" instead of \"%s\": %m", at, data, text);
	if (from < 0 ? n > sizeof(sa_family_t)
		     : n != len[from] || memcmp(&got, &name[from], n))
		return fail("socket %d: \"%s\" is not from %d", at, text, from);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int i = 0; i < ALL; i++) {
		sk[i] = must(socket(AF_UNIX, SOCK_DGRAM, 0));
		if (i == UNNAMED)
			continue;
		name[i].sun_family = AF_UNIX;
		len[i] = sizeof(sa_family_t) +
			 sprintf(name[i].sun_path, "@zdtm-%d-%d", getpid(), i);
		name[i].sun_path[0] = '\0';
		if (i == LAST)
			len[i] = sprintf(name[i].sun_path, "%s", test_file("last.sock")) +
				 3;
		must(bind(sk[i], (void *)&name[i], len[i]));
	}
	must(connect(sk[UNNAMED], (void *)&name[SERVER], len[SERVER]));
	must(connect(sk[CLIENT], (void *)&name[SERVER], len[SERVER]));
	must(write(sk[UNNAMED], "first", 5));
	must(write(sk[CLIENT], "second", 6));
	must(write(sk[UNNAMED], "third", 5));
	must(connect(sk[SERVER], (void *)&name[LAST], len[LAST]));
	must(write(sk[SERVER], "on", 2));
	must(connect(sk[SELF], (void *)&name[SELF], len[SELF]));
	must(write(sk[SELF], "me", 2));
	test_daemon();
	test_waitsig();
	sabotage("lost", recv(sk[SERVER], name, 1, 0));
	sabotage("sender", write(sk[UNNAMED], name, recv(sk[SERVER], name, 9, 0)));
	sabotage("chain", connect(sk[SERVER], (void *)&name[CLIENT], len[CLIENT]));
	sabotage("self", struct sockaddr none = { 0 };
		 connect(sk[SELF], &none, sizeof(none)));
	sabotage("unbound", close(sk[LAST]); sk[LAST] = socket(AF_UNIX, SOCK_DGRAM, 0));
	if (expect(SERVER, "first", -1) || expect(SERVER, "second", CLIENT) ||
		expect(SERVER, "third", -1) || expect(LAST, "on", SERVER) ||
		expect(SELF, "me", SELF))
		return 1;
	if (write(sk[SERVER], "more", 4) != 4 || expect(LAST, "more", SERVER) ||
		write(sk[SELF], "too", 3) != 3 || expect(SELF, "too", SELF))
		return fail("it does not work on: %m");
	if (sendto(sk[CLIENT], "new", 3, 0, (void *)&name[LAST], len[LAST]) != 3 ||
		expect(LAST, "new", CLIENT))
		return fail("the path does not lead to it: %m");
	if (write(sk[UNNAMED], "x", 1) != -1 || errno != EPERM)
		return fail("the server takes from others than its peer: %m");
	pass();
	return 0;
}
