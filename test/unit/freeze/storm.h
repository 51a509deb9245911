/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Storms: trees that fork, make threads and exec as fast as they can.
 *
 * A storm must never get out. It has a pid namespace of its own, whose init dies with
 * us, or by its own alarm, and everybody with it. And it has a pids cgroup, which
 * says how many there may be, and who they are. A bystander lives in that cgroup too,
 * so that it does not lend itself to freezing the storm.
 */
#ifndef TEST_UNIT_FREEZE_STORM_H
#define TEST_UNIT_FREEZE_STORM_H

#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fixture.h"
#include "proc/load.h"

/* Threads of a storm, and the bystander; fewer where they exec, which is slow. */
#ifdef __SANITIZE_ADDRESS__
#define LIVE_MAX 50
#define EXEC_MAX 12
#else
#define LIVE_MAX 200
#define EXEC_MAX 40
#endif
#define SEEDS	8 /* children that the init of a storm replaces when they end */
#define PAGE_FD 200
#define LIFE	30 /* seconds; a test takes a tenth of it */

enum { FORKS = 1, THREADS = 2, EXECS = 4 };

/* A page that all share, also after an exec. */
struct page {
	atomic_long steps;
	int does;
};

struct storm {
	struct page *page;
	pid_t init, bystander;
	char group[PATH_MAX]; /* its cgroup */
};

static struct storm current;

/* ------------------------------------------------------------------ the storm */

static inline void *storm_on(void *arg);

static inline void nap(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

static inline void one_more_thread(struct page *page)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, storm_on, page))
		nap(1000000);
	pthread_attr_destroy(&attr);
}

static inline void one_more_process(struct page *page)
{
	pid_t pid = fork();

	if (pid == 0) {
		storm_on(page);
		_exit(0);
	}
	if (pid < 0)
		nap(1000000); /* as many as there may be */
}

/* Whoever runs this forks, makes a thread or execs, again and again, until it ends. */
static inline void *storm_on(void *arg)
{
	struct page *page = arg;
	unsigned int seed = (unsigned int)syscall(SYS_gettid) * 7919u;

	for (;;) {
		int what = rand_r(&seed) % 16;

		page->steps++;
		if (what < 6 && page->does & FORKS)
			one_more_process(page);
		else if (what < 12 && page->does & THREADS)
			one_more_thread(page);
		else if (what < 13 && page->does & EXECS)
			execl("/proc/self/exe", "storm", "--storm", NULL);
		else if (what == 13)
			return NULL;
		else if (what == 14 && rand_r(&seed) % 4 == 0)
			_exit(0); /* with all threads */
		nap(rand_r(&seed) % 200000);
	}
}

static inline struct page *map_page(void)
{
	void *page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED,
		PAGE_FD, 0);

	return page == MAP_FAILED ? NULL : page;
}

static inline void storm_after_exec(void)
{
	struct page *page = map_page();

	if (page)
		storm_on(page);
	_exit(1);
}

static inline void too_late(int signo)
{
	_exit(1);
}

/* The init of the namespace: as long as it lives, there are those that storm. */
static inline void init_body(struct page *page, int go)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	current = (struct storm){ 0 }; /* nothing for an atexit of our children */
	signal(SIGALRM, too_late);
	alarm(LIFE);
	if (read(go, &byte, 1) != 1) /* also when our parent has died before the prctl */
		_exit(1);
	prctl(PR_SET_NAME, "storm");
	if (nice(10) == -1)
		_exit(1);
	for (int alive = 0;;) {
		while (alive < SEEDS) {
			pid_t pid = fork();

			if (pid == 0) {
				signal(SIGCHLD, SIG_IGN);
				storm_on(page);
				_exit(0);
			}
			if (pid < 0)
				break;
			alive++;
		}
		/* Orphans come to us as well: then there are a few more seeds. */
		if (waitpid(-1, NULL, 0) > 0)
			alive -= alive > 0;
	}
}

static inline void bystander_body(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(LIFE);
	for (;;)
		pause();
}

/* ------------------------------------------------------------------ its bounds */

static inline bool write_text(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX + 64];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* A cgroup for so many threads; false when no hierarchy has the controller. */
static inline bool make_group(char group[PATH_MAX], int max)
{
	char text[16];
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool made = false;

	while (mounts && !made && (m = getmntent(mounts))) {
		if (strcmp(m->mnt_type, "cgroup2") &&
			(strcmp(m->mnt_type, "cgroup") || !hasmntopt(m, "pids")))
			continue;
		snprintf(group, PATH_MAX, "%s/crl-storm-%d", m->mnt_dir, getpid());
		if (mkdir(group, 0755))
			continue;
		snprintf(text, sizeof(text), "%d", max);
		made = write_text(group, "pids.max", text);
		if (!made)
			rmdir(group);
	}
	if (mounts)
		endmntent(mounts);
	return made;
}

static inline bool join(const struct storm *s, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_text(s->group, "cgroup.procs", text);
}

static inline void end_storm(void)
{
	struct storm *s = &current;

	if (s->init > 0)
		kill(s->init, SIGKILL); /* and with it goes the namespace */
	if (s->bystander > 0)
		kill(s->bystander, SIGKILL);
	/* What was traced when an assertion failed is ours to collect. */
	while (s->page && (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR))
		;
	if (s->group[0])
		(void)FIXTURE_UNTIL(!rmdir(s->group) || errno != EBUSY);
	if (s->page)
		munmap(s->page, sizeof(*s->page));
	close(PAGE_FD);
	*s = (struct storm){ 0 };
}

static inline void make_page(struct storm *s, int does)
{
	int fd = memfd_create("storm", 0);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, sizeof(struct page)), 0);
	CU_ASSERT_EQUAL_FATAL(dup2(fd, PAGE_FD), PAGE_FD);
	close(fd);
	s->page = map_page();
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->page);
	s->page->does = does;
}

static inline void start_storm(int does)
{
	struct storm *s = &current;
	int go[2];

	end_storm();
	make_page(s, does);
	CU_ASSERT_TRUE_FATAL(make_group(s->group, does & EXECS ? EXEC_MAX : LIVE_MAX));
	CU_ASSERT_EQUAL_FATAL(pipe2(go, O_CLOEXEC), 0);
	s->bystander = fork();
	if (!s->bystander)
		bystander_body();
	s->init = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (!s->init) {
		close(go[1]);
		init_body(s->page, go[0]);
	}
	close(go[0]);
	CU_ASSERT_FATAL(s->init > 0 && s->bystander > 0);
	/* Not a step before all bounds are there. */
	CU_ASSERT_TRUE_FATAL(join(s, s->bystander) && join(s, s->init));
	CU_ASSERT_EQUAL_FATAL(write(go[1], "", 1), 1);
	close(go[1]);
}

#endif
