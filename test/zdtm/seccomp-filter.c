// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters that refuse harmless system calls, each with an error of its own: a
 * thread has none, one has one, one has three, a child inherits two. Every one
 * works as before and none has been added. The kernel shows filters only to
 * CAP_SYS_ADMIN.
 *
 * zdtm: needs=root
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	int nr, error;
} refused[] = { { SYS_getppid, EXDEV }, { SYS_getpgrp, EDOM },
	{ SYS_sched_yield, EIDRM } };

static pthread_barrier_t ready, go;
static int bad;

static void refuse(int i)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i].nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refused[i].error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { COUNT(code), code };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
		bad = fail("seccomp: %m");
}

/* Of the caller: the first n calls are refused, the others work. */
static int check(pid_t tid, int n)
{
	char mode[16] = "", count[16] = "-";

	for (int i = 0; i < COUNT(refused); i++) {
		errno = 0;
		if (syscall(refused[i].nr) < 0 ? i >= n || errno != refused[i].error
					       : i < n)
			return fail(
				"with %d filters: call %d gives %m", n, refused[i].nr);
	}
	test_status(tid, "Seccomp", mode, sizeof(mode));
	if (mode[0] != (n ? '2' : '0'))
		return fail("thread with %d filters: mode %s", n, mode);
	/* Since Linux 5.9. */
	if (test_status(tid, "Seccomp_filters", count, sizeof(count)) &&
		count[0] != '0' + n)
		return fail("thread with %d filters: %s of them", n, count);
	return 0;
}

static void *hold(void *arg)
{
	int n = (intptr_t)arg;
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	for (int i = 0; i < n; i++)
		refuse(i);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	pthread_mutex_lock(&mutex);
	sabotage("more", if (n == 1) refuse(0));
	sabotage("none", if (n == 0) refuse(2));
	bad |= check(gettid(), n);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static int child(void *arg)
{
	refuse(0);
	refuse(1);
	test_child_ready();
	test_waitsig();
	sabotage("child", refuse(2));
	return check(getpid(), 2) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
}

int main(int argc, char **argv)
{
	static const int counts[] = { 0, 1, 3 };
	pthread_t threads[COUNT(counts)];
	pid_t pid;

	test_init(argc, argv);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	pid = test_fork(child, NULL);
	pthread_barrier_init(&ready, NULL, COUNT(counts) + 1);
	pthread_barrier_init(&go, NULL, COUNT(counts) + 1);
	for (int i = 0; i < COUNT(counts); i++)
		threads[i] = test_thread(hold, (void *)(intptr_t)counts[i]);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&go);
	for (int i = 0; i < COUNT(counts); i++)
		test_thread_end(threads[i]);
	if (test_join(pid) || bad)
		return 1;
	pass();
	return 0;
}
