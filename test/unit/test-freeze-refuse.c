// SPDX-License-Identifier: GPL-2.0-only
/* What cannot be frozen is named with the reason, and everybody runs on as found. */
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "crl/freeze.h"
#include "freeze/fixture.h"
#include "proc/load.h"

static struct err err;

static void small_tree(struct fixture *fx)
{
	fixture_grow(fx, 1, 3, 2);
}

static struct fixture *start_small_tree(void)
{
	struct fixture *fx = fixture_new();

	fixture_start(fx, small_tree);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 8));
	return fx;
}

/* freeze_tree must fail like that, saying all of these words. */
#define REFUSED(root, timeout, code, ...)                                                \
	refused(root, timeout, code, (const char *[]){ __VA_ARGS__, NULL })

static void refused(pid_t root, int timeout, int code, const char *const *words)
{
	struct freeze_options opt = { .timeout = timeout };
	struct frozen_tree tree;
	int ret = freeze_tree(root, &opt, &tree, &err);

	CU_ASSERT_EQUAL(ret, -code);
	CU_ASSERT_EQUAL(err.code, code);
	for (; *words; words++)
		if (!strstr(err.text, *words)) {
			printf("no \"%s\" in: %s\n", *words, err.text);
			CU_FAIL("wrong words");
		}
	CU_ASSERT_EQUAL(tree.n_tasks, 0);
	CU_ASSERT_PTR_NULL(tree.tasks);
}

static void not_there(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(pid) == 'Z'));
	REFUSED(pid, 0, ESRCH, "has ended");
	waitpid(pid, NULL, 0);
	REFUSED(pid, 0, ESRCH, "no process has pid");
	REFUSED(0, 0, ESRCH, "not a pid");
	REFUSED(-5, 0, ESRCH, "not a pid");
}

static void ourselves(void)
{
	int status;
	pid_t pid;

	REFUSED(getpid(), 0, EDEADLK, "crl itself");
	pid = fork();
	if (!pid) {
		REFUSED(getppid(), 0, EDEADLK, "crl itself runs below it");
		REFUSED(getpid(), 0, EDEADLK, "crl itself");
		_exit(CU_get_number_of_failures() ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
}

static void kernel_thread(void)
{
	char comm[32] = "";
	FILE *f = fopen("/proc/2/comm", "re");

	if (f) {
		CU_ASSERT_PTR_NOT_NULL(fgets(comm, sizeof(comm), f));
		fclose(f);
	}
	if (!strcmp(comm, "kthreadd\n")) /* not inside a container */
		REFUSED(2, 0, ENOTSUP, "(kthreadd)", "kernel thread");
}

static void a_thread(void)
{
	struct fixture *fx = start_small_tree();
	char path[64];
	DIR *dir;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/task", fx->root);
	dir = opendir(path);
	while ((entry = readdir(dir)))
		if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != fx->root)
			REFUSED(atoi(entry->d_name), 0, EINVAL, "is a thread of");
	closedir(dir);
	CU_ASSERT_TRUE(fixture_runs(fx));
	fixture_free(fx);
}

/* Somebody who seizes one task of the tree and waits for the end. */
static pid_t start_debugger(struct fixture *fx, pid_t victim)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NAME, "a-debugger");
		if (ptrace(PTRACE_SEIZE, victim, 0, 0))
			_exit(1);
		fx->go = 1;
		for (;;)
			fixture_rest(fx, 1000000);
	}
	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->go == 1));
	return pid;
}

static pid_t a_child(pid_t pid)
{
	char path[64];
	int child = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	CU_ASSERT_EQUAL(fscanf(f, "%d", &child), 1);
	fclose(f);
	return child;
}

static void traced(void)
{
	struct fixture *fx = start_small_tree();
	pid_t victim = a_child(fx->root);
	pid_t debugger = start_debugger(fx, victim);
	char task[64], tracer[64];
	struct frozen_tree tree;

	snprintf(task, sizeof(task), "pid %d (fx-root): already traced by", victim);
	snprintf(tracer, sizeof(tracer), "by pid %d (a-debugger); detach", debugger);
	REFUSED(fx->root, 0, EBUSY, task, tracer);
	CU_ASSERT_TRUE(fixture_runs(fx));
	CU_ASSERT_EQUAL(fixture_status(fx->root, "TracerPid"), 0);
	CU_ASSERT_EQUAL(fixture_status(victim, "TracerPid"), debugger);
	kill(debugger, SIGKILL);
	waitpid(debugger, NULL, 0);
	CU_ASSERT_EQUAL(freeze_tree(fx->root, NULL, &tree, &err), 0);
	freeze_release(&tree, FREEZE_RUN, &err);
	frozen_tree_deinit(&tree);
	fixture_free(fx);
}

static void unprivileged(void)
{
	struct fixture *fx = start_small_tree();
	int status;
	pid_t pid;

	if (geteuid()) {
		fixture_free(fx);
		return; /* then our own tree is all that we may touch */
	}
	pid = fork();
	if (!pid) {
		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		REFUSED(fx->root, 0, EPERM, "(fx-root)", "not allowed", "CAP_SYS_PTRACE");
		_exit(CU_get_number_of_failures() ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	CU_ASSERT_EQUAL(status, 0);
	fixture_free(fx);
}

static void leader_exits(struct fixture *fx)
{
	fixture_thread(fixture_count, fx);
	syscall(SYS_exit, 0);
}

static void dead_leader(void)
{
	struct fixture *fx = fixture_new();

	fixture_start(fx, leader_exits);
	CU_ASSERT_TRUE_FATAL(fixture_ready(fx, 1));
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(fx->root) == 'Z'));
	REFUSED(fx->root, 5, ENOTSUP, "(fx-root)", "main thread has exited");
	CU_ASSERT_TRUE(fixture_runs(fx));
	fixture_free(fx);
}

/* The child of a vfork that will not come to exec before it is told to. */
static struct fixture *vfork_fx;

static void vforks(struct fixture *fx)
{
	vfork_fx = fx;
	if (!vfork()) {
		vfork_fx->go = 1;
		while (vfork_fx->go != 2)
			fixture_rest(vfork_fx, 100000);
		_exit(0);
	}
	fixture_count(fx);
}

static void in_vfork(void)
{
	struct fixture *fx = fixture_new();

	fixture_start(fx, vforks);
	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->go == 1));
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(fx->root) == 'D'));
	REFUSED(fx->root, 1, ETIMEDOUT, "(fx-root)", "waits in vfork for pid",
		"within 1 s");
	CU_ASSERT_EQUAL(fixture_status(a_child(fx->root), "TracerPid"), 0);
	fx->go = 2;
	/* What could not be stopped is ours until it does, or until we end. */
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state(fx->root) == 't'));
	CU_ASSERT_EQUAL(ptrace(PTRACE_DETACH, fx->root, 0, 0), 0);
	CU_ASSERT_TRUE(fixture_ready(fx, 1));
	CU_ASSERT_TRUE(fixture_runs(fx));
	fixture_free(fx);
}

static void *wait_for_death(void *arg)
{
	struct fixture *fx = arg;

	fx->count[0] = gettid();
	for (;;)
		fixture_rest(fx, 1000000);
	return NULL;
}

/* exec waits for the other thread, whose death its debugger does not collect. */
static void hangs_in_exec(struct fixture *fx)
{
	fixture_thread(wait_for_death, fx);
	while (fx->go != 1)
		fixture_rest(fx, 100000);
	execl("/bin/true", "true", NULL);
}

static void in_exec(void)
{
	struct fixture *fx = fixture_new();
	pid_t debugger;
	int status;

	fixture_start(fx, hangs_in_exec);
	CU_ASSERT_TRUE_FATAL(FIXTURE_UNTIL(fx->count[0] != 0));
	debugger = start_debugger(fx, (pid_t)fx->count[0]);
	CU_ASSERT_TRUE(FIXTURE_UNTIL(fixture_state((pid_t)fx->count[0]) == 'Z'));
	REFUSED(fx->root, 1, ETIMEDOUT, "(fx-root)", "within 1 s");
	kill(debugger, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(fx->root, &status, 0), fx->root);
	CU_ASSERT_EQUAL(status, 0);
	fixture_free(fx);
}

int main(void)
{
	static const struct test tests[] = {
		{ "not there", not_there },
		{ "ourselves", ourselves },
		{ "a kernel thread", kernel_thread },
		{ "a thread", a_thread },
		{ "traced by somebody", traced },
		{ "without privilege", unprivileged },
		{ "the main thread has exited", dead_leader },
		{ "in vfork", in_vfork },
		{ "in exec for good", in_exec },
	};

	return RUN_TESTS("freeze-refuse", tests);
}
