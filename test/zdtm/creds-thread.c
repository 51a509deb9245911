// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads of one process with credentials of their own, set with the raw
 * system calls, which change only the caller: ids, groups, capabilities.
 *
 * zdtm: needs=root
 */
#include "task.h"
#include "zdtm.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const lines[] = { "Uid", "Gid", "Groups", "CapPrm", "CapEff",
	"CapBnd" };

static pthread_barrier_t ready, go;
static pid_t tids[4];

static void set_ids(int i)
{
	gid_t groups[] = { 100 + i, 200 + i };

	if (syscall(SYS_setgroups, i, groups) ||
		syscall(SYS_setresgid, 3000 + i, 3010 + i, 3020 + i) ||
		syscall(SYS_setresuid, 4000 + i, 4010 + i, 4020 + i))
		fail("set ids: %m");
}

static void set_caps(uint32_t eff, uint32_t prm)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { eff, prm, 0 } };

	if (syscall(SYS_capset, &head, data))
		fail("capset: %m");
}

static void *hold(void *arg)
{
	int i = (intptr_t)arg;

	tids[i] = gettid();
	if (i == 3)
		set_caps(1 << CAP_KILL, 1 << CAP_KILL | 1 << CAP_CHOWN);
	else
		set_ids(i);
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	sabotage("ids", if (i == 2) syscall(SYS_setresuid, -1, 4000 + i, -1));
	sabotage("caps", if (i == 3) set_caps(0, 1 << CAP_KILL | 1 << CAP_CHOWN));
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&go);
	return arg;
}

int main(int argc, char **argv)
{
	char was[COUNT(tids)][COUNT(lines)][256], is[256] = "";
	pthread_t threads[COUNT(tids)];
	int bad = 0;

	test_init(argc, argv);
	pthread_barrier_init(&ready, NULL, COUNT(tids));
	pthread_barrier_init(&go, NULL, COUNT(tids));
	tids[0] = getpid();
	for (intptr_t i = 1; i < COUNT(tids); i++)
		threads[i] = test_thread(hold, (void *)i);
	pthread_barrier_wait(&ready);
	for (int i = 0; i < COUNT(tids); i++)
		for (int n = 0; n < COUNT(lines); n++)
			test_status(tids[i], lines[n], was[i][n], sizeof(was[i][n]));

	test_daemon();
	test_waitsig();

	sabotage("main", set_ids(0));
	pthread_barrier_wait(&go);
	pthread_barrier_wait(&ready);
	for (int i = 0; i < COUNT(tids); i++)
		for (int n = 0; n < COUNT(lines); n++)
			if (!test_status(tids[i], lines[n], is, sizeof(is)) ||
				strcmp(is, was[i][n]))
				bad = fail("thread %d: %s %s, was %s", i, lines[n], is,
					was[i][n]);
	pthread_barrier_wait(&go);
	for (int i = 1; i < COUNT(tids); i++)
		test_thread_end(threads[i]);
	if (bad)
		return 1;
	pass();
	return 0;
}
