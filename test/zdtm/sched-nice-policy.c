// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nice value, policy, static priority, reset-on-fork and the set of processors
 * of every thread. The real-time policies are there when the user may have them.
 */
#include "task.h"
#include "zdtm.h"

#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct row {
	int policy, priority, nice;
	bool one_cpu; /* only the last processor of those allowed */
	pid_t tid;
	cpu_set_t cpus;
} rows[] = {
	{ .policy = SCHED_OTHER, .nice = 2 },
	{ .policy = SCHED_OTHER, .nice = 5, .one_cpu = true },
	{ .policy = SCHED_BATCH, .nice = 3 },
	{ .policy = SCHED_IDLE, .nice = 7 },
	{ .policy = SCHED_BATCH | SCHED_RESET_ON_FORK, .nice = 19 },
	{ .policy = SCHED_FIFO, .priority = 7, .nice = 4 },
	{ .policy = SCHED_RR | SCHED_RESET_ON_FORK, .priority = 1, .nice = 2 },
};

static pthread_barrier_t ready, go;

/* For the caller itself. A policy that is refused stays SCHED_OTHER. */
static void set(struct row *r)
{
	struct sched_param param = { r->priority };
	int last = CPU_SETSIZE - 1;

	r->tid = gettid();
	sched_getaffinity(0, sizeof(r->cpus), &r->cpus);
	if (r->one_cpu) {
		while (!CPU_ISSET(last, &r->cpus))
			last--;
		CPU_ZERO(&r->cpus);
		CPU_SET(last, &r->cpus);
		sched_setaffinity(0, sizeof(r->cpus), &r->cpus);
	}
	if (setpriority(PRIO_PROCESS, 0, r->nice))
		fail("setpriority: %m");
	if (sched_setscheduler(0, r->policy, &param)) {
		if (!r->priority)
			fail("policy %#x: %m", r->policy);
		r->policy = r->priority = 0;
	}
}

static int check(const struct row *r)
{
	struct sched_param param = { 0 };
	cpu_set_t cpus;
	int policy = sched_getscheduler(r->tid), nice = getpriority(PRIO_PROCESS, r->tid);

	sched_getparam(r->tid, &param);
	sched_getaffinity(r->tid, sizeof(cpus), &cpus);
	sabotage("affinity", if (r->one_cpu) CPU_ZERO(&cpus));
	if (policy == r->policy && nice == r->nice &&
		param.sched_priority == r->priority &&
		!memcmp(&cpus, &r->cpus, sizeof(cpus)))
		return 0;
	return fail(
		"policy %#x priority %d nice %d, were %#x %d %d; %d processors, were %d",
		policy, param.sched_priority, nice, r->policy, r->priority, r->nice,
		CPU_COUNT(&cpus), CPU_COUNT(&r->cpus));
}

static void *hold(void *arg)
{
	set(arg);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t threads[COUNT(rows)];
	int bad = 0;

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, COUNT(rows));
	pthread_barrier_init(&go, NULL, COUNT(rows));
	for (int i = 1; i < COUNT(rows); i++)
		threads[i] = test_thread(hold, &rows[i]);
	set(&rows[0]);
	pthread_barrier_wait(&ready);

	test_daemon();
	test_waitsig();

	sabotage("nice", setpriority(PRIO_PROCESS, rows[1].tid, 6));
	sabotage("policy",
		sched_setscheduler(rows[2].tid, SCHED_IDLE, &(struct sched_param){ 0 }));
	sabotage("reset", rows[4].policy &= ~SCHED_RESET_ON_FORK);
	for (int i = 0; i < COUNT(rows); i++)
		bad |= check(&rows[i]);
	pthread_barrier_wait(&go);
	for (int i = 1; i < COUNT(rows); i++)
		test_thread_end(threads[i]);
	if (bad)
		return 1;
	pass();
	return 0;
}
