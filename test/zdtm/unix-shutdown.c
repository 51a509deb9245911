// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams that are shut down one way, with data still on its way there, both
 * ways, whose other end is closed, and closed without having read all.
 */
#include "zdtm.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WRITING, BOTH, CLOSED, RESET, PACKETS, PAIRS };

static int sk[PAIRS][2];

/* Reads the text, then the end. */
static int ends_after(int fd, const char *expected)
{
	char text[20] = "";

	if (*expected && (read(fd, text, 19) != 5 || strcmp(text, expected)))
		return fail("\"%s\" instead of \"%s\"", text, expected);
	return read(fd, text, 1) ? fail("no end: %m") : 0;
}

static int cannot_write(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == -1 && errno == EPIPE
		       ? 0
		       : fail("it can be written to: %m");
}

int main(int argc, char **argv)
{
	int type[PAIRS] = { [PACKETS] = SOCK_SEQPACKET }, code = 0;
	socklen_t len = sizeof(code);

	test_init(argc, argv);
	for (int i = 0; i < PAIRS; i++) {
		must(socketpair(AF_UNIX, type[i] ? type[i] : SOCK_STREAM, 0, sk[i]));
		must(write(sk[i][0], "hello", 5));
	}
	must(shutdown(sk[WRITING][0], SHUT_WR));
	must(shutdown(sk[BOTH][0], SHUT_RDWR));
	must(close(sk[CLOSED][0]));
	must(write(sk[RESET][1], "unread", 6));
	must(close(sk[RESET][0]));
	must(shutdown(sk[PACKETS][1], SHUT_RD));
	test_daemon();
	test_waitsig();
	sabotage("data", read(sk[WRITING][1], &code, 4));
	sabotage("one way", shutdown(sk[WRITING][1], SHUT_WR));
	sabotage("both", socketpair(AF_UNIX, SOCK_STREAM, 0, sk[BOTH]);
		 write(sk[BOTH][0], "hello", 5); shutdown(sk[BOTH][0], SHUT_WR));
	sabotage("open", socketpair(AF_UNIX, SOCK_STREAM, 0, sk[CLOSED]);
		 write(sk[CLOSED][0], "hello", 5); shutdown(sk[CLOSED][0], SHUT_WR));
	sabotage("reset", getsockopt(sk[RESET][1], SOL_SOCKET, SO_ERROR, &code, &len));
	if (ends_after(sk[WRITING][1], "hello") || cannot_write(sk[WRITING][0]) ||
		send(sk[WRITING][1], "back", 4, MSG_NOSIGNAL) != 4 ||
		read(sk[WRITING][0], &code, 4) != 4)
		return fail("shut down one way");
	if (ends_after(sk[BOTH][1], "hello") || cannot_write(sk[BOTH][1]) ||
		cannot_write(sk[BOTH][0]) || ends_after(sk[BOTH][0], ""))
		return fail("shut down both ways");
	if (cannot_write(sk[CLOSED][1]) || ends_after(sk[CLOSED][1], "hello"))
		return fail("closed at the other end");
	if (getsockopt(sk[RESET][1], SOL_SOCKET, SO_ERROR, &code, &len) ||
		code != ECONNRESET)
		return fail("error %d is not ECONNRESET", code);
	if (ends_after(sk[RESET][1], "hello") || ends_after(sk[PACKETS][1], "hello") ||
		cannot_write(sk[PACKETS][0]))
		return fail("reset, or packets");
	pass();
	return 0;
}
