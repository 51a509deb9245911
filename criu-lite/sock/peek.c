// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of a stream one MSG_PEEK shows all, up to descriptors or a change of sender.
 * Of packets it shows the first only; with SO_PEEK_OFF each peek goes on where
 * the last one ended. That offset belongs to the socket, which the task has
 * too, and it must not stay when crl is killed in between. So a process of its
 * own does it, from setting the offset to putting back the one found: it shares
 * our memory, lives for some microseconds, and no signal to us or our group
 * reaches it. Only if crl is killed in these may the tree, running again, meet
 * the offset, until they are over.
 *
 * An empty packet that was peeked at once before (by the task itself, or by a
 * dump with --leave-running) is skipped by the kernel, and lost to a dump. The
 * control data of a packet comes as a copy: descriptors in it are closed again.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crl/err.h"
#include "sock/peek.h"

#define DATA_ROOM   (256ull << 20) /* of address space */
#define PACKETS_MAX (1 << 20)
#define PIECE	    65536
#define STACK	    65536

struct job {
	struct peek *p;
	int fd, type;
	size_t bytes, taken;
	bool ended;
	int code; /* errno */
};

static void *reserve(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* SCM_PIDFD and its like come as a descriptor too. */
static void close_all(const struct cmsghdr *c)
{
	const int *fd = (const int *)CMSG_DATA(c);
	size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(*fd);

	for (size_t i = 0; i < n; i++)
		close(fd[i]);
}

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

static void take_control(struct job *j, struct msghdr *m, struct peeked *k)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD)
			close_all(c);
		if (c->cmsg_type == SCM_RIGHTS)
			j->p->rights = true;
		if (c->cmsg_type == SCM_CREDENTIALS &&
			c->cmsg_len >= CMSG_LEN(sizeof(k->cred))) {
			memcpy(&k->cred, CMSG_DATA(c), sizeof(k->cred));
			k->has_cred = true;
		}
	}
	if (m->msg_flags & MSG_CTRUNC)
		j->p->rights = true;
}

/*
 * Where the end is known it is not read: it may look like an empty packet, and
 * an error that waits for the task (ECONNRESET) would be told to us.
 */
static bool at_end(const struct job *j)
{
	return (j->type == SOCK_STREAM || (j->type == SOCK_SEQPACKET && j->ended)) &&
	       j->taken >= j->bytes;
}

/* One packet or piece: 1; 0 at the end; -errno. */
static int peek_one(struct job *j)
{
	struct peek *p = j->p;
	struct peeked *k = &p->packet[p->count];
	struct iovec iov = { .iov_base = p->data + p->used };
	union {
		struct cmsghdr align;
		char room[2048];
	} control;
	struct sockaddr_un from;
	struct msghdr m = { .msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n;

	if (at_end(j))
		return 0;
	if (p->count == PACKETS_MAX || p->size - p->used < PIECE + sizeof(from))
		return -ENOBUFS;
	iov.iov_len = j->type == SOCK_STREAM ? PIECE : p->size - p->used - sizeof(from);
	n = recvmsg(j->fd, &m, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	*k = (struct peeked){ .at = p->used, .len = n, .from = p->used + n };
	take_control(j, &m, k);
	if (m.msg_flags & MSG_TRUNC)
		return -ENOBUFS;
	if (!n && j->type == SOCK_STREAM)
		return -EIO;
	if (m.msg_namelen > offsetof(struct sockaddr_un, sun_path))
		k->from_len = m.msg_namelen - offsetof(struct sockaddr_un, sun_path);
	memcpy(p->data + k->from, from.sun_path, k->from_len);
	j->taken += n;
	p->used += n + k->from_len;
	p->count++;
	return 1;
}

static int peek_process(void *arg)
{
	struct job *j = arg;
	int found = -1, start = 0, ret;
	socklen_t len = sizeof(found);

	setpgid(0, 0);
	if (getsockopt(j->fd, SOL_SOCKET, SO_PEEK_OFF, &found, &len) ||
		setsockopt(j->fd, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof(start))) {
		j->code = errno;
		return 0;
	}
	do
		ret = peek_one(j);
	while (ret > 0);
	setsockopt(j->fd, SOL_SOCKET, SO_PEEK_OFF, &found, sizeof(found));
	j->code = -ret;
	return 0;
}

static int run_apart(struct job *j, struct err *err)
{
	sigset_t all, before;
	char *stack = reserve(STACK);
	int pid, code;

	if (!stack)
		return err_os(err, ENOMEM, "reserve a stack");
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	/* Without an exit signal: nobody but us hears of it. */
	pid = clone(peek_process, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES, j);
	code = errno;
	if (pid > 0)
		waitpid(pid, NULL, __WCLONE);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stack, STACK);
	if (pid < 0)
		return err_os(err, code, "start a process");
	return j->code ? err_os(err, j->code, "look at what waits in it") : 0;
}

/* Needs no offset, and must not move one that the task has set. */
static bool stream_at_once(struct job *j)
{
	struct peek *p = j->p;
	struct iovec iov = { .iov_base = p->data, .iov_len = p->size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	socklen_t len = sizeof(int);
	int found = 0;

	if (j->type != SOCK_STREAM ||
		getsockopt(j->fd, SOL_SOCKET, SO_PEEK_OFF, &found, &len) || found >= 0)
		return false;
	/* Without room for control data, descriptors and senders show as MSG_CTRUNC. */
	if (recvmsg(j->fd, &m, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)j->bytes ||
		(m.msg_flags & MSG_CTRUNC))
		return false;
	for (; p->used < j->bytes; p->count++) {
		size_t n = j->bytes - p->used < PIECE ? j->bytes - p->used : PIECE;

		p->packet[p->count] = (struct peeked){ .at = p->used, .len = n };
		p->used += n;
	}
	return true;
}

int peek_all(int fd, int type, size_t bytes, bool ended, struct peek *p, struct err *err)
{
	struct job j = { .p = p, .fd = fd, .type = type, .bytes = bytes, .ended = ended };
	int ret;

	*p = (struct peek){ .size = DATA_ROOM };
	p->data = reserve(DATA_ROOM);
	p->packet = reserve(PACKETS_MAX * sizeof(*p->packet));
	if (!p->data || !p->packet)
		return err_os(err, ENOMEM, "reserve room to look at what waits in it");
	if (stream_at_once(&j))
		return 0;
	ret = run_apart(&j, err);
	if (!ret && !p->rights && type != SOCK_DGRAM && j.taken != bytes)
		ret = err_set(err, EIO, "%zu bytes wait in it, and %zu could be read",
			bytes, j.taken);
	return ret;
}

void peek_deinit(struct peek *p)
{
	if (p->data)
		munmap(p->data, p->size);
	if (p->packet)
		munmap(p->packet, PACKETS_MAX * sizeof(*p->packet));
	*p = (struct peek){ 0 };
}
