// SPDX-License-Identifier: GPL-2.0-only
/*
 * One memfd among tasks: inherited open files, an open file of the child's own, one that
 * only its mapping remembers, and one sent over a socket to a task that is no relative.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (4 * PAGE)

static int fd, pair[2];
static char *shared;

static void send_fd(int over, int what)
{
	char room[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &what, sizeof(int));
	must(sendmsg(over, &m, 0));
}

static int receive_fd(int over)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room) };
	int got;

	must(recvmsg(over, &m, 0));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return got;
}

/* Has all but the descriptor. */
static int mapper(void *arg)
{
	close(fd);
	close(pair[0]);
	close(pair[1]);
	test_child_ready();
	test_waitsig();
	sabotage("apart", mmap(shared, SIZE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	if (!check_pattern(shared, SIZE, 1))
		return fail("contents differ in the task that has a mapping only");
	memcpy(shared, "mapper", 6);
	return 0;
}

/* Was sent the memfd. */
static int receiver(void *arg)
{
	int got, own;
	char path[40], text[7] = "";

	close(fd);
	must(munmap(shared, SIZE));
	got = receive_fd(pair[1]);
	close(pair[0]);
	close(pair[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", got);
	own = must(open(path, O_RDWR));
	must(lseek(own, 2 * PAGE, SEEK_SET));
	test_child_ready();
	test_waitsig();
	sabotage("received", dup2(must(memfd_create("shared", 0)), got));
	sabotage("position", lseek(own, 0, SEEK_SET));
	if (lseek(own, 0, SEEK_CUR) != 2 * (off_t)PAGE || lseek(got, 0, SEEK_CUR) != 1000)
		return fail("positions %lld, %lld", (long long)lseek(own, 0, SEEK_CUR),
			(long long)lseek(got, 0, SEEK_CUR));
	must(pread(got, text, 6, 0));
	if (strcmp(text, "mapper"))
		return fail("the receiver reads %s", text);
	must(write(own, "receiver", 8));
	must(lseek(got, 2000, SEEK_SET));
	return 0;
}

int main(int argc, char **argv)
{
	pid_t one, two;

	test_init(argc, argv);
	fd = must(memfd_create("shared", MFD_ALLOW_SEALING));
	must(ftruncate(fd, SIZE));
	must(lseek(fd, 1000, SEEK_SET));
	shared = must(mmap(test_room(SIZE), SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_FIXED, fd, 0));
	fill_pattern(shared, SIZE, 1);
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	one = test_fork(mapper, NULL);
	send_fd(pair[0], fd);
	two = test_fork(receiver, NULL);
	close(pair[0]);
	close(pair[1]);
	test_daemon();
	test_waitsig();
	sabotage("content", shared[3 * PAGE]++);
	sabotage("description", int other = must(memfd_create("shared", 0));
		 lseek(other, 1000, SEEK_SET); dup2(other, fd));
	if (!check_pattern(shared, SIZE, 1))
		return fail("contents differ");
	if (test_join(one) || memcmp(shared, "mapper", 6))
		return fail("the parent does not see what the mapper wrote");
	if (test_join(two) || memcmp(shared + 2 * PAGE, "receiver", 8))
		return fail("the parent does not see what the receiver wrote");
	if (lseek(fd, 0, SEEK_CUR) != 2000)
		return fail("the open file is not shared with the receiver");
	must(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	pass();
	return 0;
}
