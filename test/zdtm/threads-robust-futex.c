// SPDX-License-Identifier: GPL-2.0-only
/*
 * The head of the robust list, in the main thread, a thread and a child: the
 * same address as before, and still good. A robust mutex whose owner ends
 * after the restore says so to the next who locks it.
 */
#include "task.h"
#include "zdtm.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t ready, go;

static void *robust_list(void)
{
	void *head = NULL;
	size_t len = 0;

	if (syscall(SYS_get_robust_list, 0, &head, &len) || len != 24)
		fail("get_robust_list: %m, length %zu", len);
	return head;
}

static void robust_init(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attr);
}

static int owner_died(pthread_mutex_t *mutex, const char *who)
{
	struct timespec end;
	int ret;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 3;
	ret = pthread_mutex_timedlock(mutex, &end);
	return ret == EOWNERDEAD ? 0 : fail("lock of the dead %s: %d", who, ret);
}

/* Ends with the mutex locked. */
static void *hold(void *mutex)
{
	void *head = robust_list();

	pthread_mutex_lock(mutex);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	sabotage("thread", syscall(SYS_set_robust_list, NULL, 24));
	return robust_list() == head ? mutex : NULL;
}

static int child(void *mutex)
{
	void *head = robust_list();

	pthread_mutex_lock(mutex);
	test_child_ready();
	test_waitsig();
	sabotage("child", head = NULL);
	return robust_list() == head ? 0 : fail("the child's list moved");
}

int main(int argc, char **argv)
{
	pthread_mutex_t *mutexes = mmap(NULL, 2 * sizeof(*mutexes),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	void *head = robust_list();
	pthread_t thread;
	pid_t pid;

	test_init(argc, argv);
	robust_init(&mutexes[0]);
	robust_init(&mutexes[1]);
	pid = test_fork(child, &mutexes[1]);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&go, NULL, 2);
	thread = test_thread(hold, &mutexes[0]);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&go);
	if (robust_list() != head || !test_thread_end(thread))
		return fail("the list moved");
	if (owner_died(&mutexes[0], "thread") || test_join(pid) ||
		owner_died(&mutexes[1], "child"))
		return 1;
	pass();
	return 0;
}
