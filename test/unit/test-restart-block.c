// SPDX-License-Identifier: GPL-2.0-only
/*
 * What remains of an interrupted wait: threads of our own in every call that
 * leaves a restart block, stopped a first time in the call and a second time in
 * the restart_syscall that goes on with it. No answer may lie outside of what
 * the clock, read on both sides, allows; and each wait ends as it should.
 */
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>

#include "crl/proc/records.h"
#include "proc/load.h"
#include "task/restart-block.h"
#include "task/waiter.h"

#define PASS_NS	     (NS_A_SECOND / 10)
#define SLACK_NS     2000000ll /* timers may be late; two clocks are not read at once */
#define RESTARTBLOCK 516
#define PROCESS_TIME 2
#define SKIP	     77

static struct err err;
static int word;
#define WORD (long)&word

static const struct call calls[] = {
	{ "nanosleep", SYS_nanosleep, { 0 }, 0, -1, 0 },
	{ "sleep monotonic", SYS_clock_nanosleep, { CLOCK_MONOTONIC }, 2, -1, 0 },
	{ "sleep realtime", SYS_clock_nanosleep, { CLOCK_REALTIME }, 2, -1, 0 },
	{ "sleep boottime", SYS_clock_nanosleep, { CLOCK_BOOTTIME }, 2, -1, 0 },
	{ "sleep tai", SYS_clock_nanosleep, { CLOCK_TAI }, 2, -1, 0 },
	{ "realtime alarm", SYS_clock_nanosleep, { CLOCK_REALTIME_ALARM }, 2, -1, 0 },
	{ "boottime alarm", SYS_clock_nanosleep, { CLOCK_BOOTTIME_ALARM }, 2, -1, 0 },
	{ "poll", SYS_poll, { WORD, 0, WAIT_NS / 1000000 }, -1, -1, 0 },
	{ "poll nothing", SYS_poll, { 0, 0, WAIT_NS / 1000000 }, -1, -1, 0 },
	{ "futex", SYS_futex, { WORD, FUTEX_WAIT }, 3, -1, -ETIMEDOUT },
	{ "futex private", SYS_futex, { WORD, FUTEX_WAIT_PRIVATE }, 3, -1, -ETIMEDOUT },
	{ "futex bitset", SYS_futex, { WORD, FUTEX_WAIT_BITSET, 0, 0, 0, 1 }, 3,
		CLOCK_MONOTONIC, -ETIMEDOUT },
	{ "futex realtime", SYS_futex,
		{ WORD, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, 0, 0, 1 }, 3,
		CLOCK_REALTIME, -ETIMEDOUT },
};

#define CALLS (sizeof(calls) / sizeof(*calls))

static const struct call poll_forever = { "poll for ever", SYS_poll, { WORD, 0, -1 }, -1,
	-1, 0 };
static const struct call sleep_process = { "sleep by processor time", SYS_clock_nanosleep,
	{ PROCESS_TIME }, 2, -1, 0 };

static bool waiter_regs(const struct waiter *w, struct arch_regs *regs, long nr)
{
	if (arch_regs_get(w->tid, regs, &err))
		return check(false, w, "%s", err.text);
	return check(
		arch_syscall_nr(regs) == nr && arch_syscall_ret(regs) == -RESTARTBLOCK, w,
		"stopped in call %ld with %ld", arch_syscall_nr(regs),
		arch_syscall_ret(regs));
}

/* Ask for the rest: between what is sure to have passed and what can have passed. */
static void check_rest(const struct waiter *w, const struct task_records *r, long inside,
	long long before, long long after)
{
	long long most = WAIT_NS - (before - w->stopped) + SLACK_NS;
	long long least = WAIT_NS - (after - w->begin) - SLACK_NS;
	struct arch_regs regs;
	uint64_t ns = 0;
	long nr = 0;
	int ret;

	if (!waiter_regs(w, &regs, inside))
		return;
	ret = restart_block_rest(r, w->tid, &regs, &nr, &ns);
	if (!check(!ret, w, "%s", strerror(-ret)))
		return;
	check(nr == w->call->nr, w, "call %ld, not %ld", nr, w->call->nr);
	check((long long)ns >= least && (long long)ns <= most, w,
		"%lld ns, not between %lld and %lld", (long long)ns, least, most);
}

static void check_all(const struct waiter *w, size_t n, bool again)
{
	struct task_records *r;
	long long before = now(), after;
	int ret = task_records_read(&r, &err);

	after = now();
	if (!check(!ret, w, "%s", err.text))
		return;
	for (size_t i = 0; i < n; i++)
		check_rest(&w[i], r, again ? SYS_restart_syscall : w[i].call->nr, before,
			after);
	task_records_free(r);
}

static void check_end(const struct waiter *w)
{
	int status;

	if (check(waitpid(w->pid, &status, __WALL) == w->pid, w, "%s", strerror(errno)))
		check(status == 0, w, "did not end well, status %#x", status);
}

/* Without a clock that can wake the machine there are no alarms. */
static bool have(const struct call *c)
{
	return c->nr != SYS_clock_nanosleep || !clock_getres(c->arg[0], NULL);
}

static int every_call(bool thread)
{
	struct timespec pass = in_time(PASS_NS);
	struct waiter w[CALLS];
	size_t n = 0;

	for (size_t i = 0; i < CALLS; i++)
		if (have(&calls[i]) && !waiter_start(&w[n++], &calls[i], thread))
			return 1;
	nanosleep(&pass, NULL);
	check_all(w, n, false);
	for (size_t i = 0; i < n; i++)
		if (!stop_in(&w[i], SYS_restart_syscall))
			return 1;
	check_all(w, n, true);
	for (size_t i = 0; i < n; i++)
		check(!ptrace(PTRACE_DETACH, w[i].tid, 0, 0), &w[i], "cannot let it go");
	for (size_t i = 0; i < n; i++)
		check_end(&w[i]);
	return failures != 0;
}

static int in_child(int (*run)(bool), bool arg)
{
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(run(arg));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
								    : 1;
}

static int in_pid_namespace(bool thread)
{
	return unshare(CLONE_NEWPID) ? SKIP : in_child(every_call, thread);
}

static int in_time_namespace(bool thread)
{
	static const char offsets[] = "monotonic 1000 0\nboottime 5000 0\n";
	int fd =
		unshare(CLONE_NEWTIME) ? -1 : open("/proc/self/timens_offsets", O_WRONLY);

	if (fd < 0 || write(fd, offsets, sizeof(offsets) - 1) < 0)
		return SKIP;
	return in_child(every_call, thread);
}

/* Four times all waits, side by side. */
static void rests(void)
{
	static const struct {
		const char *where;
		int (*run)(bool thread);
		bool thread;
	} places[] = {
		{ "leaders", every_call, false },
		{ "threads", every_call, true },
		{ "pid namespace", in_pid_namespace, true },
		{ "time namespace", in_time_namespace, false },
	};
	pid_t pid[4];
	int status;

	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(places[i].run(places[i].thread));
	}
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL_FATAL(waitpid(pid[i], &status, 0), pid[i]);
		if (WIFEXITED(status) && WEXITSTATUS(status) == SKIP)
			printf("\n    no %s here\n", places[i].where);
		else if (status)
			fprintf(stderr, "... of the %s\n", places[i].where);
		CU_ASSERT(WIFEXITED(status));
		CU_ASSERT(WEXITSTATUS(status) == SKIP || WEXITSTATUS(status) == 0);
	}
}

static int rest_alone(const struct waiter *w, long inside, long *nr, uint64_t *ns)
{
	struct task_records *records;
	struct arch_regs regs;
	int ret = task_records_read(&records, &err);

	if (ret)
		return ret;
	ret = waiter_regs(w, &regs, inside)
		      ? restart_block_rest(records, w->tid, &regs, nr, ns)
		      : -EINVAL;
	task_records_free(records);
	return ret;
}

static void for_ever(void)
{
	struct arch_regs regs;
	struct waiter w;
	uint64_t ns = 0;
	long nr = 0;

	CU_ASSERT_TRUE_FATAL(waiter_start(&w, &poll_forever, false));
	CU_ASSERT_TRUE_FATAL(waiter_regs(&w, &regs, SYS_poll));
	CU_ASSERT_EQUAL(restart_block_rest(NULL, w.tid, &regs, &nr, &ns), 0);
	CU_ASSERT_EQUAL(nr, SYS_poll);
	CU_ASSERT_EQUAL(ns, RESTART_FOREVER);
	nr = ns = 0;
	CU_ASSERT_TRUE_FATAL(stop_in(&w, SYS_restart_syscall));
	CU_ASSERT_EQUAL(rest_alone(&w, SYS_restart_syscall, &nr, &ns), 0);
	CU_ASSERT_EQUAL(nr, SYS_poll);
	CU_ASSERT_EQUAL(ns, RESTART_FOREVER);
	end(&w);
}

static void refusals(void)
{
	struct task_records *r;
	struct arch_regs regs;
	struct waiter w;
	uint64_t ns = 42;
	long nr = 42;

	CU_ASSERT_EQUAL_FATAL(task_records_read(&r, &err), 0);
	CU_ASSERT_TRUE_FATAL(waiter_start(&w, &sleep_process, false));
	CU_ASSERT_TRUE_FATAL(waiter_regs(&w, &regs, SYS_clock_nanosleep));
	CU_ASSERT_EQUAL(restart_block_rest(NULL, w.tid, &regs, &nr, &ns), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(restart_block_rest(r, w.tid, &regs, &nr, &ns), -ESRCH);
	CU_ASSERT_EQUAL(restart_block_rest(r, getpid(), &regs, &nr, &ns), -ESRCH);
	CU_ASSERT_EQUAL(rest_alone(&w, SYS_clock_nanosleep, &nr, &ns), -EOPNOTSUPP);
	CU_ASSERT_TRUE_FATAL(stop_in(&w, SYS_restart_syscall));
	CU_ASSERT_EQUAL(rest_alone(&w, SYS_restart_syscall, &nr, &ns), -EOPNOTSUPP);
	CU_ASSERT_EQUAL(nr, 42);
	CU_ASSERT_EQUAL(ns, 42);
	task_records_free(r);
	end(&w);
}

int main(void)
{
	static const struct test tests[] = {
		{ "what remains", rests },
		{ "no end", for_ever },
		{ "refusals", refusals },
	};
	struct task_records *r;
	int ret = task_records_read(&r, &err);

	if (ret) {
		printf("%s\n", err.text);
		return ret == -EPERM || ret == -ENOENT ? SKIP : 1;
	}
	task_records_free(r);
	return RUN_TESTS("restart blocks", tests);
}
