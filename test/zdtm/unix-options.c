// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of sockets: buffer sizes, timeouts, flags, a classic filter; and who
 * sent what waits in a socket that asks for that (SO_PASSCRED).
 */
#include "zdtm.h"

#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const struct {
	int opt, value, shown;
} options[] = {
	{ SO_SNDBUF, 10000, 20000 },
	{ SO_RCVBUF, 30000, 60000 },
	{ SO_PASSCRED, 1, 1 },
	{ SO_PRIORITY, 5, 5 },
	{ SO_RCVLOWAT, 3, 3 },
	{ SO_PEEK_OFF, 7, 7 },
	{ SO_KEEPALIVE, 1, 1 },
};
#define N ((int)(sizeof(options) / sizeof(options[0])))

static int set(int fd, int opt, int value)
{
	return setsockopt(fd, SOL_SOCKET, opt, &value, sizeof(value));
}

int main(int argc, char **argv)
{
	/* takes packets of up to 6 bytes, no more of others */
	struct sock_filter code[] = { { BPF_RET | BPF_K, 0, 0, 6 } };
	struct sock_fprog filter = { .len = 1, .filter = code };
	struct timeval tv = { 12, 500000 }, got;
	char text[100] = "", control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	socklen_t len = sizeof(tv);
	struct ucred cred = { 0 };
	int sk[2], value;

	test_init(argc, argv);
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, sk));
	for (int i = 0; i < N; i++)
		must(set(sk[1], options[i].opt, options[i].value));
	must(setsockopt(sk[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	must(write(sk[0], "whole text", 10));
	must(setsockopt(sk[1], SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	test_daemon();
	test_waitsig();
	sabotage("buffer", set(sk[1], SO_SNDBUF, 11000));
	sabotage("timeout", tv.tv_sec = 9;
		 setsockopt(sk[1], SOL_SOCKET, SO_RCVTIMEO, &tv, len); tv.tv_sec = 12);
	sabotage("filter", set(sk[1], SO_DETACH_FILTER, 0));
	sabotage("sender", recv(sk[1], text, 10, 0); set(sk[1], SO_PASSCRED, 0);
		 write(sk[0], "whole text", 10); set(sk[1], SO_PASSCRED, 1));
	for (int i = 0; i < N; i++) {
		len = sizeof(value);
		must(getsockopt(sk[1], SOL_SOCKET, options[i].opt, &value, &len));
		if (value != options[i].shown)
			return fail("option %d: %d instead of %d", i, value,
				options[i].shown);
	}
	len = sizeof(got);
	must(getsockopt(sk[1], SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	if (memcmp(&got, &tv, sizeof(tv)))
		return fail("timeout %ld.%06ld", got.tv_sec, got.tv_usec);
	if (recvmsg(sk[1], &m, 0) != 10 || strcmp(text, "whole text"))
		return fail("\"%s\" waits in it", text);
	memcpy(&cred, CMSG_DATA((struct cmsghdr *)control), sizeof(cred));
	if (cred.pid != getpid() || cred.uid != getuid() || cred.gid != getgid())
		return fail("it seems to be from pid %d, uid %d", cred.pid, cred.uid);
	must(write(sk[0], "cut off here", 12));
	if (recv(sk[1], text, sizeof(text), 0) != 6)
		return fail("the filter does not cut");
	pass();
	return 0;
}
