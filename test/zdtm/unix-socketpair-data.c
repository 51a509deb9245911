// SPDX-License-Identifier: GPL-2.0-only
/*
 * Socket pairs of each type with data on its way in both directions: a stream's
 * bytes in order, packets with their limits, an empty datagram among them.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
static const int lengths[] = { 1, 5000, 100, 30000, 3 };
static int sk[3][2];
static char text[150000];

static void put(int type, int from)
{
	if (types[type] == SOCK_STREAM) {
		fill_pattern(text, 120000, 10 + from);
		must(write(sk[type][from], text, 50000));
		for (int n = 50000; n < 120000; n += 700)
			must(write(sk[type][from], text + n, 700));
		return;
	}
	for (int i = 0; i < 5; i++) {
		fill_pattern(text, lengths[i], i * 10 + from);
		must(write(sk[type][from], text, lengths[i]));
		if (types[type] == SOCK_DGRAM && i == 2)
			must(write(sk[type][from], text, 0));
	}
}

static int get(int type, int to)
{
	int fd = sk[type][to];
	ssize_t n;

	if (types[type] == SOCK_STREAM) {
		for (n = 0; n < 120000;)
			n += must(recv(fd, text + n, 120000 - n, MSG_DONTWAIT));
		if (!check_pattern(text, 120000, 10 + !to))
			return fail("the stream to %d", to);
	}
	for (int i = 0; types[type] != SOCK_STREAM && i < 5; i++) {
		n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
		if (n != lengths[i] || !check_pattern(text, n, i * 10 + !to))
			return fail(
				"type %d to %d: packet %d of %zd: %m", type, to, i, n);
		if (types[type] == SOCK_DGRAM && i == 2 &&
			recv(fd, text, 9, MSG_DONTWAIT))
			return fail("the empty datagram");
	}
	if (recv(fd, text, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
		return fail("type %d to %d: there is more", type, to);
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int t = 0; t < 3; t++) {
		must(socketpair(AF_UNIX, types[t] | (t ? SOCK_NONBLOCK : 0), 0, sk[t]));
		put(t, 0);
		put(t, 1);
	}
	test_daemon();
	test_waitsig();
	sabotage("stream", read(sk[0][0], text, 1));
	sabotage("datagram", read(sk[1][1], text, 1));
	sabotage("packets", write(sk[2][0], text, 1));
	sabotage("order", int n = read(sk[1][0], text, 10); write(sk[1][1], text, n));
	for (int t = 0; t < 3; t++)
		if (get(t, 0) || get(t, 1))
			return 1;
	pass();
	return 0;
}
