// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of traced threads against what the threads say of themselves. A child
 * with two threads sets all it can to unusual values, asks by system calls what
 * they are now, and waits; its records must say the same. A second child that has
 * set nothing shows that values are not those of somebody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crl/proc/records.h"
#include "proc/load.h"

#define ALTSTACK_SIZE 65536
#define SIGNAL	      37
#define FD_PLAIN      70
#define FD_CLOEXEC_ON 71
#define GROUPS	      3
#define SLACK	      123456

static struct err err;

/* What a thread says of itself. */
struct told {
	pid_t tid;
	stack_t altstack;
	unsigned long slack;
	int pdeath, securebits;
	uint64_t clear_child_tid, blocked;
	char comm[16];
};

struct shared {
	struct told told[2]; /* leader, thread */
	atomic_int ready;
	uint64_t brk;
	struct rlimit limit;
	uint32_t uid[3], gid[3];
	uint64_t action[4];
	int personality, dumpable, subreaper, umask, membarrier;
	struct __user_cap_data_struct caps[2];
};

struct child {
	pid_t pid;
	struct shared *s;
	bool plain;
};

static char altstacks[2][ALTSTACK_SIZE];

static void tell(struct shared *s, int who, bool plain)
{
	stack_t ss = { .ss_sp = altstacks[who], .ss_size = ALTSTACK_SIZE - 4096 * who };
	struct told *t = &s->told[who];
	sigset_t set;

	t->tid = gettid();
	if (!plain) {
		sigaltstack(&ss, NULL);
		prctl(PR_SET_TIMERSLACK, SLACK + who);
		prctl(PR_SET_PDEATHSIG, SIGKILL + who * 3);
		prctl(PR_SET_NAME, who ? "a thread's name" : "its leader");
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1 + who);
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	}
	syscall(SYS_sigaltstack, NULL, &t->altstack);
	t->slack = prctl(PR_GET_TIMERSLACK);
	prctl(PR_GET_PDEATHSIG, &t->pdeath);
	prctl(PR_GET_TID_ADDRESS, &t->clear_child_tid);
	prctl(PR_GET_NAME, t->comm);
	t->securebits = prctl(PR_GET_SECUREBITS);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &t->blocked, 8);
	s->ready++;
	for (;;)
		pause();
}

static void *second(void *arg)
{
	struct child *c = arg;

	tell(c->s, 1, c->plain);
	return NULL;
}

static void on_signal(int sig)
{
}

static void set_unusual(void)
{
	struct sigaction sa = { .sa_handler = on_signal,
		.sa_flags = SA_RESTART | SA_NODEFER };
	struct rlimit limit = { 1 << 20, 1 << 21 };
	const gid_t groups[GROUPS] = { 11, 22, 33 };
	int fd = open("/dev/null", O_RDONLY);

	sigaddset(&sa.sa_mask, SIGHUP);
	sigaction(SIGNAL, &sa, NULL);
	setrlimit(RLIMIT_CORE, &limit);
	setgroups(GROUPS, groups);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	personality(ADDR_NO_RANDOMIZE);
	umask(0123);
	dup2(fd, FD_PLAIN);
	dup3(fd, FD_CLOEXEC_ON, O_CLOEXEC);
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	syscall(SYS_setresgid, 5, 6, 7);
	prctl(PR_SET_KEEPCAPS, 1);
	syscall(SYS_setresuid, 0, 3, 0);
	prctl(PR_SET_DUMPABLE, 1);
}

static void ask_process(struct shared *s)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	s->brk = (uintptr_t)sbrk(0);
	getrlimit(RLIMIT_CORE, &s->limit);
	getresuid(&s->uid[0], &s->uid[1], &s->uid[2]);
	getresgid(&s->gid[0], &s->gid[1], &s->gid[2]);
	syscall(SYS_rt_sigaction, SIGNAL, NULL, s->action, 8);
	s->personality = personality(~0u);
	s->dumpable = prctl(PR_GET_DUMPABLE);
	prctl(PR_GET_CHILD_SUBREAPER, &s->subreaper);
	s->umask = umask(0);
	umask(s->umask);
	s->membarrier = syscall(SYS_membarrier, 1 << 9, 0, 0);
	syscall(SYS_capget, &head, s->caps);
}

static void live(struct child *c)
{
	pthread_t thread;

	if (!c->plain)
		set_unusual();
	ask_process(c->s);
	if (pthread_create(&thread, NULL, second, c))
		_exit(1);
	tell(c->s, 0, c->plain);
}

static void seize(pid_t tid)
{
	int status;

	CU_ASSERT_EQUAL_FATAL(ptrace(PTRACE_SEIZE, tid, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
	CU_ASSERT_EQUAL_FATAL(waitpid(tid, &status, __WALL), tid);
}

static struct child begin(bool plain)
{
	struct child c = { .plain = plain };

	c.s = mmap(NULL, sizeof(*c.s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(c.s, MAP_FAILED);
	c.pid = fork();
	if (!c.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		live(&c);
		_exit(1);
	}
	while (c.s->ready < 2)
		sched_yield();
	for (int i = 0; i < 2; i++)
		seize(c.s->told[i].tid);
	return c;
}

static void end(struct child *c)
{
	kill(c->pid, SIGKILL);
	waitpid(c->s->told[1].tid, NULL, __WALL);
	waitpid(c->pid, NULL, 0);
	munmap(c->s, sizeof(*c->s));
}

static struct task_records *read_records(void)
{
	struct task_records *r = NULL;
	int ret = task_records_read(&r, &err);

	if (ret) {
		printf("%s\n", err.text);
		exit(77);
	}
	return r;
}

static void compare_thread(const struct task_record *rec, const struct told *t)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(rec);
	CU_ASSERT_EQUAL(rec->tid, t->tid);
	CU_ASSERT_EQUAL(rec->altstack, (uintptr_t)t->altstack.ss_sp);
	CU_ASSERT_EQUAL(rec->altstack_size, t->altstack.ss_size);
	CU_ASSERT_EQUAL(rec->timer_slack, t->slack);
	CU_ASSERT_EQUAL(rec->pdeath_signal, t->pdeath);
	CU_ASSERT_EQUAL(rec->clear_child_tid, t->clear_child_tid);
	CU_ASSERT_EQUAL(rec->securebits, t->securebits);
	CU_ASSERT_EQUAL(rec->blocked, t->blocked);
	CU_ASSERT_STRING_EQUAL(rec->comm, t->comm);
}

static void compare_process(const struct task_records *r, const struct task_record *rec,
	const struct shared *s)
{
	CU_ASSERT_EQUAL(rec->leader, 1);
	CU_ASSERT_EQUAL(rec->brk, s->brk);
	CU_ASSERT_EQUAL(rec->limit[RLIMIT_CORE].soft, s->limit.rlim_cur);
	CU_ASSERT_EQUAL(rec->limit[RLIMIT_CORE].hard, s->limit.rlim_max);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(rec->uid[i], s->uid[i]);
		CU_ASSERT_EQUAL(rec->gid[i], s->gid[i]);
	}
	CU_ASSERT(!memcmp(&rec->action[SIGNAL - 1], s->action, sizeof(s->action)));
	CU_ASSERT_EQUAL(rec->personality, s->personality);
	CU_ASSERT_EQUAL(rec->mm_flags & 3, s->dumpable);
	CU_ASSERT_EQUAL(rec->subreaper, s->subreaper);
	CU_ASSERT_EQUAL(rec->umask, s->umask);
	CU_ASSERT_EQUAL((uint32_t)rec->cap_eff, s->caps[0].effective);
	CU_ASSERT_EQUAL(rec->cap_prm >> 32, s->caps[1].permitted);
	CU_ASSERT_EQUAL((uint32_t)rec->cap_inh, s->caps[0].inheritable);
	if (task_records_have(r, offsetof(struct task_record, membarrier)) &&
		s->membarrier >= 0)
		CU_ASSERT_EQUAL(!!rec->membarrier, !!s->membarrier);
	CU_ASSERT_EQUAL(rec->real_queued, 0);
	CU_ASSERT_EQUAL(rec->posix_timers, 0);
}

static void both(void)
{
	struct child child[2] = { begin(false), begin(true) };
	struct task_records *r = read_records();
	const struct task_record *rec[2][2];

	for (int c = 0; c < 2; c++) {
		for (int i = 0; i < 2; i++) {
			rec[c][i] = task_records_find(r, child[c].s->told[i].tid);
			compare_thread(rec[c][i], &child[c].s->told[i]);
		}
		compare_process(r, rec[c][0], child[c].s);
		CU_ASSERT_EQUAL(rec[c][1]->leader, 0);
		CU_ASSERT_EQUAL(rec[c][0]->mm, rec[c][1]->mm);
		CU_ASSERT_EQUAL(rec[c][0]->files, rec[c][1]->files);
		CU_ASSERT_EQUAL(rec[c][0]->nsproxy, rec[c][1]->nsproxy);
	}
	CU_ASSERT_NOT_EQUAL(rec[0][0]->mm, rec[1][0]->mm);
	CU_ASSERT_EQUAL(rec[0][0]->n_groups, GROUPS);
	CU_ASSERT_EQUAL(rec[0][0]->groups[2], 33);
	CU_ASSERT(rec[0][0]->atomic_flags & 1);
	CU_ASSERT(!(rec[1][0]->atomic_flags & 1));
	CU_ASSERT(rec[0][0]->max_fds > FD_CLOEXEC_ON);
	CU_ASSERT_EQUAL(rec[0][0]->cloexec[1] >> (FD_PLAIN - 64) & 3, 2);
	CU_ASSERT_PTR_NULL(task_records_find(r, getpid()));
	task_records_free(r);
	end(&child[0]);
	end(&child[1]);
}

/* A process with a timer of each kind. */
static void timers(void)
{
	struct itimerval long_time = { .it_value = { .tv_sec = 1000 } };
	int which[3] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();
		const struct task_record *rec;
		struct task_records *r;
		timer_t timer;

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (i < 3)
				setitimer(which[i], &long_time, NULL);
			else
				timer_create(CLOCK_MONOTONIC, NULL, &timer);
			raise(SIGSTOP);
			_exit(0);
		}
		CU_ASSERT_EQUAL_FATAL(waitpid(pid, NULL, WUNTRACED), pid);
		seize(pid);
		r = read_records();
		rec = task_records_find(r, pid);
		CU_ASSERT_PTR_NOT_NULL_FATAL(rec);
		CU_ASSERT_EQUAL(!!rec->real_queued, i == 0);
		CU_ASSERT_EQUAL(
			!!rec->cpu_timer[0], i == 2); /* CPUCLOCK_PROF is the first */
		CU_ASSERT_EQUAL(!!rec->cpu_timer[2], i == 1);
		if (task_records_have(r, offsetof(struct task_record, posix_timers)))
			CU_ASSERT_EQUAL(!!rec->posix_timers, i == 3);
		task_records_free(r);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "records say what threads say of themselves", both },
		{ "a running timer shows", timers },
	};

	return RUN_TESTS("records", tests);
}
