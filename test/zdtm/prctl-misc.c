// SPDX-License-Identifier: GPL-2.0-only
/*
 * What prctl sets and gets: the signal at the parent's death, dumpable, child
 * subreaper, timer slack of each thread, keepcaps, no_new_privs, no huge pages.
 * A child that is not dumpable is root's alone to look at.
 */
#include "task.h"
#include "zdtm.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct values {
	int pdeathsig, subreaper, dumpable, keepcaps, thp_disable, slack, nnp;
};

static int thread_slack;
static pthread_barrier_t ready, go;

static struct values get(void)
{
	struct values v = { 0 };

	prctl(PR_GET_PDEATHSIG, &v.pdeathsig);
	prctl(PR_GET_CHILD_SUBREAPER, &v.subreaper);
	v.dumpable = prctl(PR_GET_DUMPABLE);
	v.keepcaps = prctl(PR_GET_KEEPCAPS);
	v.thp_disable = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	v.slack = prctl(PR_GET_TIMERSLACK);
	v.nnp = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	return v;
}

static void set(const struct values *v)
{
	prctl(PR_SET_PDEATHSIG, v->pdeathsig);
	prctl(PR_SET_CHILD_SUBREAPER, v->subreaper);
	prctl(PR_SET_DUMPABLE, v->dumpable);
	prctl(PR_SET_KEEPCAPS, v->keepcaps);
	prctl(PR_SET_THP_DISABLE, v->thp_disable, 0, 0, 0);
	prctl(PR_SET_TIMERSLACK, v->slack);
	if (v->nnp)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void *hold(void *arg)
{
	prctl(PR_SET_TIMERSLACK, 77777);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	thread_slack = prctl(PR_GET_TIMERSLACK);
	return arg;
}

/* With a second thread of its own slack. */
static int child(void *arg)
{
	const struct values *was = arg;
	struct values is;
	pthread_t thread;

	set(was);
	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&go, NULL, 2);
	thread = test_thread(hold, NULL);
	pthread_barrier_wait(&ready);
	is = get();
	if (memcmp(&is, was, sizeof(is)))
		return fail("not set up");
	test_child_ready();
	test_waitsig();
	sabotage("pdeathsig", prctl(PR_SET_PDEATHSIG, 0));
	sabotage("slack", prctl(PR_SET_TIMERSLACK, 50000));
	sabotage("thp", prctl(PR_SET_THP_DISABLE, !was->thp_disable, 0, 0, 0));
	sabotage("dumpable", prctl(PR_SET_DUMPABLE, !was->dumpable));
	is = get();
	pthread_barrier_wait(&go);
	test_thread_end(thread);
	sabotage("thread", thread_slack = was->slack);
	if (!memcmp(&is, was, sizeof(is)) && thread_slack == 77777)
		return 0;
	return fail("pdeathsig %d subreaper %d dumpable %d keepcaps %d thp %d slack %d "
		    "%d nnp %d",
		is.pdeathsig, is.subreaper, is.dumpable, is.keepcaps, is.thp_disable,
		is.slack, thread_slack, is.nnp);
}

int main(int argc, char **argv)
{
	static struct values values[] = {
		{ .pdeathsig = SIGUSR1, .subreaper = 1, .dumpable = 1, .slack = 123456 },
		{ .pdeathsig = 64,
			.keepcaps = 1,
			.thp_disable = 1,
			.slack = 1,
			.nnp = 1 },
	};
	pid_t pids[COUNT(values)];
	int bad = 0;

	test_init(argc, argv);
	values[1].dumpable = geteuid() ? 1 : 0;
	for (int i = 0; i < COUNT(values); i++)
		pids[i] = test_fork(child, &values[i]);

	test_daemon();
	test_waitsig();

	for (int i = 0; i < COUNT(values); i++)
		bad |= test_join(pids[i]);
	if (bad)
		return 1;
	pass();
	return 0;
}
