// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tree of 4 processes with 4 threads each that notices whatever happens to it.
 *
 *	kill-load HEART DEVIATIONS
 *
 * Every thread has a part; thread t of process p plays (p + t) % 4, so that the
 * leaders play different ones:
 *
 *	counter    counts in all general and vector registers, the red zone written;
 *	           a handler comes in between and leaves its own values everywhere
 *	signaller  sends the counter numbered signals: none may be lost or come twice
 *	sleeper    timed waits, each in another system call: none may end early or by
 *EINTR blocked    hands a token around the processes, by pipe, and waits on a futex
 *
 * and keeps patterns on its stack, in private, thread-local and shared memory, in
 * MXCSR and the x87 control word, and in an unlinked file, and looks at them in every
 * round. All have a signal mask of their own, and none ever changes it.
 *
 * HEART is mapped shared: a slot for each thread, see struct slot, and a word that
 *whoever watches counts up; when he has not for two minutes, the tree ends. Every
 *deviation is a line in DEVIATIONS.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 4
#define THREADS	  4
#define WORDS	  1024 /* of each pattern */
#define TURNS	  20000
#define LEASE	  3072 /* where in HEART the word of the watcher is */
#define LEASE_NS  120000000000ll
#define REPORTS	  20 /* of each process; more would say nothing new */

enum { COUNTER, SIGNALLER, SLEEPER, BLOCKED };

struct slot {
	uint64_t beats, tid, handled, alarms, pad[4];
};

struct area {
	uint64_t word[WORDS];
};

/* See kill-load-spin.S. */
struct registers {
	uint64_t general[15];
	uint64_t vector[15][4];
	uint64_t one[4];   /* what each turn adds to the vectors */
	uint64_t red_zone; /* so many of its words have changed */
};

void spin_sse(struct registers *r, uint64_t turns);
void spin_avx(struct registers *r, uint64_t turns);

static struct slot *heart;	     /* in the file */
static struct area *shared;	     /* one for each thread of the tree */
static struct area private[THREADS]; /* one for each of this process */
static __thread struct area local;
static struct area *local_at[THREADS];
static int report_fd, unlinked, ring[PROCESSES][2];
static int self; /* which process */
static uint64_t signals_seen, reports;
static uint32_t tick;
static pid_t tid_of[THREADS];

static void deviation(int thread, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	if (__atomic_add_fetch(&reports, 1, __ATOMIC_RELAXED) > REPORTS)
		return;
	n = snprintf(line, sizeof(line), "process %d thread %d: ", self, thread);
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	if (write(report_fd, line, n) != n)
		_exit(1);
}

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static int part_of(int process, int thread)
{
	return (process + thread) % 4;
}

static int thread_with(int part)
{
	return (part - self + 4) % 4;
}

static void nap(long ns)
{
	struct timespec ts = { 0, ns };

	nanosleep(&ts, NULL);
}

/* ------------------------------------------------------------------ memory */

static uint64_t pattern(uint64_t seed, size_t i)
{
	return (seed + i) * 0x9e3779b97f4a7c15ull;
}

static void area_fill(struct area *a, uint64_t seed)
{
	for (size_t i = 0; i < WORDS; i++)
		a->word[i] = pattern(seed, i);
}

static void area_check(int thread, const struct area *a, uint64_t seed, const char *what)
{
	for (size_t i = 0; i < WORDS; i++)
		if (a->word[i] != pattern(seed, i)) {
			deviation(thread, "%s memory: word %zu is %#lx, not %#lx", what,
				i, a->word[i], pattern(seed, i));
			return;
		}
}

struct watch {
	int thread;
	uint64_t seed;
	struct area stack;
	unsigned int mxcsr;
	unsigned short x87;
};

static void watch_fill(struct watch *w)
{
	w->seed += 1000003;
	area_fill(&w->stack, w->seed);
	area_fill(&private[w->thread], w -> seed);
	area_fill(&shared[self * THREADS + w->thread], w->seed);
	area_fill(&local, w->seed);
}

static void watch_start(struct watch *w, int thread)
{
	w->thread = thread;
	w->seed = self * 100 + thread;
	w->mxcsr = 0x1f80 | thread << 13; /* every thread rounds in another way */
	w->x87 = 0x037f | thread << 10;
	__asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(w->mxcsr), "m"(w->x87));
	local_at[thread] = &local;
	watch_fill(w);
}

static void watch_check(struct watch *w)
{
	unsigned int mxcsr;
	unsigned short x87;
	uint64_t word = 0;
	int cpu = sched_getcpu();

	if (pread(unlinked, &word, sizeof(word), 0) != sizeof(word) ||
		word != pattern(1, 1))
		deviation(w->thread, "the unlinked file has %#lx", word);
	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(x87));
	if ((mxcsr & ~0x3fu) != w->mxcsr)
		deviation(w->thread, "mxcsr is %#x, not %#x", mxcsr, w->mxcsr);
	if (x87 != w->x87)
		deviation(w->thread, "x87 control word is %#x, not %#x", x87, w->x87);
	if (local_at[w->thread] != &local)
		deviation(w->thread, "thread-local memory has moved");
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		deviation(w->thread, "it runs on CPU %d", cpu);
	area_check(w->thread, &w->stack, w->seed, "stack");
	area_check(w->thread, &private[w->thread], w -> seed, "private");
	area_check(w->thread, &shared[self * THREADS + w->thread], w->seed, "shared");
	area_check(w->thread, &local, w->seed, "thread-local");
	watch_fill(w);
	__atomic_add_fetch(&heart[self * THREADS + w->thread].beats, 1, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ counter */

static void counter_check(int thread, const struct registers *r, uint64_t start)
{
	for (int i = 0; i < 15; i++) {
		if (r->general[i] != start + i + TURNS)
			deviation(thread, "register %d is %#lx, not %#lx", i,
				r->general[i], start + i + TURNS);
		for (int k = 0; k < 4; k++)
			if (r->vector[i][k] != start + 64 * i + k + TURNS * r->one[k])
				deviation(thread,
					"vector register %d, word %d is %#lx, not %#lx",
					i, k, r->vector[i][k],
					start + 64 * i + k + TURNS * r->one[k]);
	}
	if (r->red_zone)
		deviation(thread, "%lu words of the red zone have changed", r->red_zone);
}

static void counter(struct watch *w)
{
	bool avx = __builtin_cpu_supports("avx2");
	struct registers r;
	uint64_t start = 0x0123456789abcdefull * (self + 1);

	for (;; start = start * 5 + 1) {
		for (int i = 0; i < 15; i++) {
			r.general[i] = start + i;
			for (int k = 0; k < 4; k++)
				r.vector[i][k] = start + 64 * i + k;
		}
		for (int k = 0; k < 4; k++)
			r.one[k] = avx || k < 2 ? 1 : 0; /* what SSE leaves alone */
		r.red_zone = 0;
		(avx ? spin_avx : spin_sse)(&r, TURNS);
		counter_check(w->thread, &r, start);
		watch_check(w);
		nap(400000); /* others want to run, too */
	}
}

static void leave_dirt(void)
{
	__asm__ volatile(
		"pxor %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm5; pcmpeqd %%xmm9, %%xmm9;"
		"movdqa %%xmm9, %%xmm14; movdqa %%xmm9, %%xmm15; std; cld"
		:
		:
		: "xmm0", "xmm5", "xmm9", "xmm14", "xmm15");
}

/* Numbered signals: seen in order, each once, by the thread they were meant for. */
static void on_number(int signo, siginfo_t *info, void *context)
{
	uint64_t n = (uint32_t)info->si_value.sival_int;
	int thread = thread_with(COUNTER);

	if (gettid() != tid_of[thread])
		deviation(thread, "its signal came to thread id %d", gettid());
	if (n != (uint32_t)(signals_seen + 1))
		deviation(thread, "signal %lu came after signal %lu", n, signals_seen);
	leave_dirt();
	__atomic_store_n(&signals_seen, n, __ATOMIC_RELEASE);
	heart[self * THREADS + thread].handled++;
}

static void on_alarm(int signo, siginfo_t *info, void *context)
{
	leave_dirt();
	__atomic_add_fetch(&heart[self * THREADS].alarms, 1, __ATOMIC_RELAXED);
}

/* Children that stop and continue are announced; a signal to a single thread is nobody's.
 */
static void on_stray(int signo, siginfo_t *info, void *context)
{
	if (info->si_code == SI_TKILL)
		deviation(0, "signal %d, which nobody has sent", signo);
}

/* ------------------------------------------------------------------ the others */

static void signaller(struct watch *w)
{
	pid_t to = tid_of[thread_with(COUNTER)];

	for (uint32_t n = 1;; n++) {
		siginfo_t info = { .si_signo = SIGRTMIN + 3, .si_code = SI_QUEUE };

		info.si_pid = getpid();
		info.si_value.sival_int = (int)n;
		if (syscall(SYS_rt_tgsigqueueinfo, getpid(), to, info.si_signo, &info))
			deviation(w->thread, "send signal %u: errno %d", n, errno);
		do
			nap(300000);
		while ((uint32_t)__atomic_load_n(&signals_seen, __ATOMIC_ACQUIRE) != n);
		watch_check(w);
	}
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ ns / 1000000000, ns % 1000000000 };
}

/* Returns 0 when the wait ended as it should: for its time, not for a signal. */
static int timed_wait(int which, int64_t until)
{
	int64_t rest = until - now_ns(); /* it may be over, when a dump came in between */
	struct timespec left = timespec_of(rest < 0 ? 0 : rest), at = timespec_of(until);
	static uint32_t nobody;

	switch (which) {
	case 0:
		return nanosleep(&left, NULL) ? errno : 0;
	case 1:
		return poll(NULL, 0, left.tv_nsec / 1000000 + 1) ? errno : 0;
	case 2:
		return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	case 3:
		return syscall(SYS_futex, &nobody, FUTEX_WAIT_PRIVATE, 0, &left, NULL,
			       0) == -1 &&
				       errno == ETIMEDOUT
			       ? 0
		       : errno ? errno
			       : -1;
	default:
		return ppoll(NULL, 0, &left, NULL) ? errno : 0;
	}
}

/* Nobody shall be left to spin when the test has been killed. */
static void end_unless_watched(void)
{
	static uint64_t seen;
	static int64_t since;
	uint64_t lease = *(volatile uint64_t *)((char *)heart + LEASE);

	if (!since || lease != seen) {
		seen = lease;
		since = now_ns();
	} else if (now_ns() - since > LEASE_NS) {
		_exit(3);
	}
}

static void sleeper(struct watch *w)
{
	for (int which = 0;; which = (which + 1) % 5) {
		int64_t until = now_ns() + 1500000, end;
		int ret = timed_wait(which, until);

		end = now_ns();
		end_unless_watched();
		if (ret)
			deviation(w->thread, "wait %d ended with errno %d", which, ret);
		if (end < until)
			deviation(w->thread, "wait %d ended %ld ns early", which,
				until - end);
		__atomic_add_fetch(&tick, 1, __ATOMIC_RELEASE);
		syscall(SYS_futex, &tick, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		watch_check(w);
	}
}

static void await_tick(int thread)
{
	uint32_t seen = __atomic_load_n(&tick, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&tick, __ATOMIC_ACQUIRE) == seen)
		if (syscall(SYS_futex, &tick, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0) &&
			errno != EAGAIN)
			deviation(thread, "futex: errno %d", errno);
}

static void blocked(struct watch *w)
{
	uint64_t token = 0, last = 0;

	for (;;) {
		if (self || last) {
			ssize_t n = read(ring[self][0], &token, sizeof(token));

			if (n != sizeof(token))
				deviation(w->thread, "read: %zd, errno %d", n, errno);
		}
		if (last && token != last + PROCESSES)
			deviation(
				w->thread, "token %lu came after token %lu", token, last);
		last = token = token ? token : PROCESSES;
		token++;
		await_tick(w->thread);
		if (write(ring[(self + 1) % PROCESSES][1], &token, sizeof(token)) !=
			sizeof(token))
			deviation(w->thread, "write: errno %d", errno);
		watch_check(w);
	}
}

/* ------------------------------------------------------------------ threads, processes
 */

static void set_mask(int part)
{
	sigset_t set;

	sigfillset(&set);
	if (part == COUNTER)
		sigdelset(&set, SIGRTMIN + 3);
	if (part == COUNTER || part == SIGNALLER)
		sigdelset(&set, SIGALRM);
	if (part == SLEEPER)
		sigdelset(&set, SIGTTOU);
	for (int i = 0; i < 4 && part != BLOCKED; i++)
		sigdelset(&set, (const int[]){ SIGURG, SIGWINCH, SIGCHLD, SIGCONT }[i]);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void *thread_main(void *arg)
{
	static void (*const parts[])(
		struct watch *) = { counter, signaller, sleeper, blocked };
	struct watch w = { 0 };
	int thread = (int)(intptr_t)arg;
	int part = part_of(self, thread);

	tid_of[thread] = gettid();
	heart[self * THREADS + thread].tid = gettid();
	set_mask(part);
	watch_start(&w, thread);
	while (!__atomic_load_n(&tid_of[thread_with(COUNTER)], __ATOMIC_ACQUIRE))
		nap(100000);
	parts[part](&w);
	return NULL;
}

static void handle(int signo, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART };

	sigaction(signo, &sa, NULL);
}

/* The more of the usually ignored signals have a handler, the fewer are left for others
 * to use. */
static void handlers(void)
{
	static const int ignored[] = { SIGURG, SIGWINCH, SIGCHLD, SIGCONT };

	handle(SIGRTMIN + 3, on_number);
	handle(SIGALRM, on_alarm);
	for (int i = 0; i < self; i++)
		handle(ignored[i], on_stray);
	if (self == 3)
		signal(SIGPIPE, SIG_IGN);
}

static void start_timer(void)
{
	struct itimerspec every = { { 0, 5000000 }, { 0, 5000000 } };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &ev, &timer) ||
		timer_settime(timer, 0, &every, NULL))
		die("timer");
}

static void make_unlinked(const char *path)
{
	uint64_t word = pattern(1, 1);

	unlinked = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (unlinked < 0 || write(unlinked, &word, sizeof(word)) != sizeof(word) ||
		unlink(path))
		die(path);
}

static _Noreturn void process_main(int which)
{
	pthread_t thread;

	self = which;
	handlers();
	for (intptr_t i = 1; i < THREADS; i++)
		if (pthread_create(&thread, NULL, thread_main, (void *)i))
			die("pthread_create");
	start_timer();
	thread_main(NULL);
	_exit(1);
}

static bool child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return !pid;
}

/* 0 has the children 1 and 2, and 2 has the child 3. */
static _Noreturn void grow(void)
{
	if (child())
		process_main(1);
	if (child()) {
		if (child())
			process_main(3);
		process_main(2);
	}
	process_main(0);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 3)
		return 2;
	fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	report_fd = open(argv[2], O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd < 0 || report_fd < 0 || ftruncate(fd, 4096))
		die(argv[1]);
	heart = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	shared = mmap(NULL, PROCESSES * THREADS * sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (heart == MAP_FAILED || shared == MAP_FAILED)
		die("mmap");
	close(fd);
	make_unlinked("unlinked");
	for (int i = 0; i < PROCESSES; i++)
		if (pipe(ring[i]))
			die("pipe");
	grow();
}
