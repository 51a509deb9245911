// SPDX-License-Identifier: GPL-2.0-only
/*
 * All tasks of a tree, through both halves of their dump.
 *
 * Only the thread that traces the tree can ask (ask.c). It does so for one task
 * after the other, and hands on to helpers what they can do meanwhile: writing
 * a task (dump-task.c), or a single image of a thread. When it gets too far
 * ahead, and when all are asked, it writes too. The first failure ends the work
 * of all.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "crl/err.h"
#include "crl/fault.h"
#include "crl/freeze.h"
#include "image/frame.h"
#include "image/sums.h"
#include "interrupt.h"
#include "task/ask.h"
#include "task/crew.h"
#include "task/dump-task.h"
#include "task/live.h"

#define HELPERS_MAX 3
#define AHEAD	    64 /* jobs that wait; each may have a descriptor open */
#define WORTH_IT    32 /* threads that keep a helper busy as a task does */

/* One of the two. */
struct job {
	struct live_task *live;
	struct image_writer image; /* owned */
};

struct crew {
	const struct task_writer *common;
	unsigned helpers;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t news;
	struct job queue[AHEAD];
	unsigned first, count;
	bool all_asked;
	int failed;
	struct err err; /* of the first failure */
};

struct helper {
	struct crew *crew;
	pthread_t thread;
};

/* `ft` is the task it happened to, or NULL. */
static void fail(struct crew *c, const struct frozen_task *ft, int code, struct err *err)
{
	if (ft)
		err_in(err, code, "pid %d (%s)", ft->pid, ft->comm);
	pthread_mutex_lock(&c->lock);
	if (!c->failed) {
		c->failed = code;
		c->err = *err;
	}
	pthread_cond_broadcast(&c->news);
	pthread_mutex_unlock(&c->lock);
}

/* The next job; false when there is none, now or, if waited for, ever. */
static bool take(struct crew *c, struct job *job, bool wait)
{
	bool got;

	pthread_mutex_lock(&c->lock);
	while (wait && !c->count && !c->all_asked && !c->failed)
		pthread_cond_wait(&c->news, &c->lock);
	got = c->count && !c->failed;
	if (got) {
		*job = c->queue[c->first];
		c->first = (c->first + 1) % AHEAD;
		c->count--;
	}
	pthread_mutex_unlock(&c->lock);
	return got;
}

static void job_drop(struct job *job)
{
	if (job->live)
		live_put(job->live);
	image_writer_deinit(&job->image);
}

static void job_do(struct crew *c, struct task_writer *w, struct job *job)
{
	struct err err;
	int ret = job->live ? live_write(w, job->live, &err)
			    : sums_finish_image(w->sums, &job->image, w->dir, &err);

	if (ret)
		fail(c, job->live ? job->live->ft : NULL, ret, &err);
	job_drop(job);
}

/* False when the queue is full, or nobody is there to work on it. */
static bool hand_on(struct crew *c, const struct job *job)
{
	bool room;

	if (!c->helpers)
		return false;
	pthread_mutex_lock(&c->lock);
	room = c->count < AHEAD;
	if (room) {
		c->queue[(c->first + c->count++) % AHEAD] = *job;
		pthread_cond_signal(&c->news);
	}
	pthread_mutex_unlock(&c->lock);
	return room;
}

int crew_write(struct crew *c, struct image_writer *out, struct err *err)
{
	struct job job = { .image = *out };

	if (!hand_on(c, &job))
		return sums_finish_image(c->common->sums, out, c->common->dir, err);
	*out = (struct image_writer){ 0 };
	return 0;
}

static void *help(void *arg)
{
	struct helper *h = arg;
	struct task_writer w = *h->crew->common;
	struct job job;

	task_writer_init(&w);
	while (take(h->crew, &job, true))
		job_do(h->crew, &w, &job);
	task_writer_deinit(&w);
	return NULL;
}

static void do_live(
	struct crew *c, struct asker *a, struct task_writer *w, struct live_task *l)
{
	struct job job = { .live = l };
	struct err err;
	int ret = live_ask(a, l, &err);
	bool early = !ret && l->ft->n_threads > 1 && live_undisturbed(a, l);

	l->users += early;
	if (early && !hand_on(c, &job)) {
		l->users--;
		early = false;
	}
	if (!ret)
		ret = live_ask_threads(a, l, &err);
	if (ret)
		fail(c, l->ft, ret, &err);
	if (ret || early)
		live_put(l);
	else if (!hand_on(c, &job))
		job_do(c, w, &job);
}

static void do_task(struct crew *c, struct asker *a, struct task_writer *w,
	const struct frozen_task *ft)
{
	struct live_task *l;
	struct err err;
	int ret;

	if (ft->state == FROZEN_ZOMBIE) {
		ret = zombie_write(w, ft, &err);
		if (ret)
			fail(c, ft, ret, &err);
		return;
	}
	l = live_new(ft);
	if (l)
		do_live(c, a, w, l);
	else
		fail(c, ft, err_os(&err, ENOMEM, "task"), &err);
}

static bool has_failed(struct crew *c)
{
	int failed;

	pthread_mutex_lock(&c->lock);
	failed = c->failed;
	pthread_mutex_unlock(&c->lock);
	return failed;
}

static void do_all(struct crew *c, struct asker *a, const struct frozen_tree *tree)
{
	struct task_writer w = *c->common;
	struct job job;
	struct err err;

	task_writer_init(&w);
	for (size_t i = 0; i < tree->n_tasks && !has_failed(c); i++) {
		int ret = interrupt_check(&err);

		if (ret)
			fail(c, NULL, ret, &err);
		else
			do_task(c, a, &w, &tree->tasks[i]);
	}
	pthread_mutex_lock(&c->lock);
	c->all_asked = true;
	pthread_cond_broadcast(&c->news);
	pthread_mutex_unlock(&c->lock);
	while (take(c, &job, false))
		job_do(c, &w, &job);
	task_writer_deinit(&w);
}

/* How many threads the tree can keep busy. */
static unsigned useful(const struct frozen_tree *tree, unsigned threads)
{
	size_t worth = tree->n_tasks + tree->n_threads / WORTH_IT;

	if (threads > HELPERS_MAX + 1)
		threads = HELPERS_MAX + 1;
	return worth < threads ? (unsigned)worth : threads;
}

int crew_dump(struct asker *a, const struct task_writer *common,
	const struct frozen_tree *tree, unsigned threads, struct err *err)
{
	struct crew c = { .common = common,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.news = PTHREAD_COND_INITIALIZER };
	struct helper helper[HELPERS_MAX];

	threads = useful(tree, threads);
	for (; c.helpers + 1 < threads; c.helpers++) {
		struct helper *h = &helper[c.helpers];

		h->crew = &c;
		if (FAULT(CREW_THREAD) || pthread_create(&h->thread, NULL, help, h))
			break; /* slower without, not wrong */
	}
	a->crew = &c;
	do_all(&c, a, tree);
	a->crew = NULL;
	for (unsigned i = 0; i < c.helpers; i++)
		pthread_join(helper[i].thread, NULL);
	for (; c.count; c.count--, c.first = (c.first + 1) % AHEAD)
		job_drop(&c.queue[c.first]);
	if (c.failed)
		*err = c.err;
	return c.failed;
}
