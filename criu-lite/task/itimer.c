// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three interval timers (getitimer(2)): interval and remaining time.
 * A timer with an interval whose remaining time reads zero is about to expire:
 * it is armed with the interval.
 */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/task.h"

static int itimer_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
		batch_call2(b, "getitimer", SYS_getitimer, which,
			batch_out(b, sizeof(struct itimerval)));
	return 0;
}

static ItimerEntry *itimer_entry(struct arena *a, const struct batch *b, unsigned i)
{
	const struct batch_op *op = (const struct batch_op *)b->local + i;
	const struct itimerval *v = batch_at(b, op->arg[1]);
	ItimerEntry *e = arena_msg(a, ItimerEntry, itimer_entry);

	e->isec = v->it_interval.tv_sec;
	e->iusec = v->it_interval.tv_usec;
	e->vsec = v->it_value.tv_sec;
	e->vusec = v->it_value.tv_usec;
	return e;
}

/* The message holds the POSIX timers too: posix-timer.c has come before. */
static int itimer_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	TaskTimersEntry *timers = t->core->tc->timers;

	timers->real = itimer_entry(t->task->arena, b, first + ITIMER_REAL);
	timers->virt = itimer_entry(t->task->arena, b, first + ITIMER_VIRTUAL);
	timers->prof = itimer_entry(t->task->arena, b, first + ITIMER_PROF);
	return 0;
}

static void itimer_set(struct batch *b, int which, const ItimerEntry *e)
{
	struct itimerval v = {
		.it_interval = { .tv_sec = e->isec, .tv_usec = e->iusec },
		.it_value = { .tv_sec = e->vsec, .tv_usec = e->vusec },
	};

	if (!e->vsec && !e->vusec)
		v.it_value = v.it_interval;
	if (v.it_value.tv_sec || v.it_value.tv_usec)
		batch_call3(b, "setitimer", SYS_setitimer, which,
			batch_in(b, &v, sizeof(v)), 0);
}

static int itimer_restore(struct restore_thread *t, struct err *err)
{
	const TaskTimersEntry *timers = t->core->tc->timers;

	itimer_set(&t->p->b, ITIMER_REAL, timers->real);
	itimer_set(&t->p->b, ITIMER_VIRTUAL, timers->virt);
	itimer_set(&t->p->b, ITIMER_PROF, timers->prof);
	return 0;
}

static bool itimer_valid(const ItimerEntry *e)
{
	return e->iusec < 1000000 && e->vusec < 1000000 && e->isec <= INT64_MAX &&
	       e->vsec <= INT64_MAX;
}

static int itimer_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const TaskTimersEntry *t = core->tc->timers;

	if (!t)
		return err_set(err, EINVAL, "none in the image");
	if (!itimer_valid(t->real) || !itimer_valid(t->virt) || !itimer_valid(t->prof))
		return err_set(err, EINVAL, "a time is out of range");
	return 0;
}

const struct task_ops itimer_ops = {
	.name = "interval timers",
	.scope = TASK_WHOLE,
	.ask = itimer_ask,
	.take = itimer_take,
	.restore = itimer_restore,
	.verify = itimer_verify,
};
