// SPDX-License-Identifier: GPL-2.0-only
/*
 * A descriptor is on its way (SCM_RIGHTS): the dump is refused, and it arrives.
 * To look at the queue takes nothing from it, nor moves an offset for peeking.
 *
 * zdtm: dump-fails="descriptors are on their way in it (SCM_RIGHTS)"
 */
#include "zdtm.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char text[6] = "hello";
	struct iovec iov = { text, 5 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int sk[2], p[2], got, off = 3;
	socklen_t len = sizeof(off);

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, sk));
	must(setsockopt(sk[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)));
	must(pipe(p));
	memcpy(CMSG_DATA(&control.head), &p[1], sizeof(int));
	must(sendmsg(sk[0], &m, 0));
	close(p[1]);
	test_daemon();
	test_waitsig();
	sabotage("taken", recv(sk[1], text, 5, 0));
	sabotage("offset", recv(sk[1], text, 1, MSG_PEEK));
	if (getsockopt(sk[1], SOL_SOCKET, SO_PEEK_OFF, &off, &len) || off != 3)
		return fail("the offset for peeking is %d", off);
	memset(text, 0, sizeof(text));
	m.msg_controllen = sizeof(control);
	if (recvmsg(sk[1], &m, MSG_DONTWAIT) != 5 || strcmp(text, "hello") ||
		m.msg_controllen != sizeof(control) || (m.msg_flags & MSG_CTRUNC))
		return fail("the message \"%s\": %m", text);
	memcpy(&got, CMSG_DATA(&control.head), sizeof(int));
	must(write(got, "y", 1));
	close(got);
	if (read(p[0], text, 2) != 1 || text[0] != 'y' || read(p[0], text, 1) != 0)
		return fail("the descriptor that arrived, or somebody else has it too");
	pass();
	return 0;
}
