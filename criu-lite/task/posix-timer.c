// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX timers (timer_create(2)). /proc/PID/timers lists their ids, clocks and
 * notifications; times and overruns only the task itself can ask for.
 *
 * A timer must come back under its id, which programs keep. Linux 6.15 has
 * PR_TIMER_CREATE_RESTORE_IDS: timer_create then takes the wanted id. Older
 * kernels count upwards per task: a new task begins at 0, so timers are made
 * and deleted until the id comes (as many calls as the id is large, refused
 * above TIMER_ID_WALK).
 *
 * The overrun that the task has not yet asked for cannot be set; it is in the
 * image for readers, and lost on restore unless a signal is pending.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/proc/timers.h"
#include "crl/puppet.h"
#include "feature.h"
#include "snapshot/arena.h"
#include "snapshot/obstacles.h"
#include "task/known.h"
#include "task/task.h"

#define RESTORE_IDS	77 /* PR_TIMER_CREATE_RESTORE_IDS, Linux 6.15 */
#define RESTORE_IDS_OFF 0
#define RESTORE_IDS_ON	1
#define TIMER_ID_WALK	100000

static int add_timer(struct dump_thread *t, const struct proc_timer *p, size_t *cap)
{
	TaskTimersEntry *timers = t->core->tc->timers;
	PosixTimerEntry *e =
		arena_msg(t->task->arena, PosixTimerEntry, posix_timer_entry);

	e->it_id = p->id;
	e->clock_id = p->clock;
	e->si_signo = p->signo;
	e->it_sigev_notify = p->notify;
	e->sival_ptr = p->sigval;
	if (p->notify & SIGEV_THREAD_ID) {
		e->has_notify_thread_id = true;
		e->notify_thread_id = p->target;
	}
	arena_push(t->task->arena, timers->posix, timers->n_posix, *cap, e);
	return 0;
}

static int posix_timer_ask(struct dump_thread *t, struct batch *b, struct err *err)
{
	TaskTimersEntry *timers =
		arena_msg(t->task->arena, TaskTimersEntry, task_timers_entry);
	struct proc_text rest;
	struct proc_timer p;
	size_t cap = 0;
	int ret;

	t->core->tc->timers = timers;
	if (known_no_timers(t))
		return 0;
	ret = timers_read(t->task->proc, t->task->buf, &rest, err);
	if (ret)
		return ret;
	while ((ret = timers_next(&rest, &p, err)) > 0)
		add_timer(t, &p, &cap);
	for (size_t i = 0; i < timers->n_posix && !ret; i++) {
		uint32_t id = timers->posix[i]->it_id;

		batch_call2(b, "timer_gettime", SYS_timer_gettime, id,
			batch_out(b, sizeof(struct itimerspec)));
		batch_call1(b, "timer_getoverrun", SYS_timer_getoverrun, id);
	}
	if (b->full && !ret)
		obstacles_add(t->task->obstacles, t->task->pid, t->task->stat.comm,
			"delete timers or dump with fewer of them",
			"has %zu POSIX timers, more than fit one visit", timers->n_posix);
	return ret;
}

static bool signal_queued(const SignalQueueEntry *q, const PosixTimerEntry *e)
{
	for (size_t i = 0; q && i < q->n_signals; i++) {
		const siginfo_t *info = (const siginfo_t *)q->signals[i]->siginfo.data;

		if (info->si_code == SI_TIMER && info->si_timerid == (int)e->it_id)
			return true;
	}
	return false;
}

/*
 * It had time left when it was asked, and its signal, which was not there before,
 * is now. (Hidden where several timers share a signal: then it fires once more.)
 */
static bool fired_since(const struct dump_thread *t, const PosixTimerEntry *e)
{
	uint64_t before = t->status.sig_pending | t->status.shd_pending;

	return (signal_queued(t->core->thread_core->signals_p, e) ||
		       signal_queued(t->core->tc->signals_s, e)) &&
	       !(before >> (e->si_signo - 1) & 1);
}

static int posix_timer_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	TaskTimersEntry *timers = t->core->tc->timers;

	for (size_t i = 0; i < timers->n_posix; i++) {
		const struct batch_op *op =
			(const struct batch_op *)b->local + first + 2 * i;
		const struct itimerspec *v = batch_at(b, op[0].arg[1]);
		PosixTimerEntry *e = timers->posix[i];

		e->isec = v->it_interval.tv_sec;
		e->insec = v->it_interval.tv_nsec;
		e->vsec = v->it_value.tv_sec;
		e->vnsec = v->it_value.tv_nsec;
		e->overrun = op[1].ret < 0 ? 0 : op[1].ret;
		if (!e->isec && !e->insec && fired_since(t, e))
			e->vsec = e->vnsec = 0;
	}
	return 0;
}

static bool restore_ids_work(void)
{
	bool works = !prctl(RESTORE_IDS, RESTORE_IDS_ON, 0, 0, 0);

	if (works)
		prctl(RESTORE_IDS, RESTORE_IDS_OFF, 0, 0, 0);
	return works;
}

static uint64_t timer_event(struct batch *b, const PosixTimerEntry *e)
{
	struct sigevent ev;

	memset(&ev, 0, sizeof(ev));
	ev.sigev_notify = e->it_sigev_notify;
	ev.sigev_signo = e->si_signo;
	ev.sigev_value.sival_ptr = (void *)e->sival_ptr;
	ev._sigev_un._tid = e->notify_thread_id;
	return batch_in(b, &ev, sizeof(ev));
}

static void timer_create_call(
	struct batch *b, const PosixTimerEntry *e, int wish, int expect)
{
	uint64_t id = batch_in(b, &wish, sizeof(wish));

	batch_call3(
		b, "timer_create", SYS_timer_create, e->clock_id, timer_event(b, e), id);
	batch_must_be(b, expect);
}

/* Without the prctl: ids count up from `next`, those in between are made and dropped. */
static int walk_to_id(struct restore_thread *t, const PosixTimerEntry *e, uint32_t *next,
	struct err *err)
{
	int ret = 0;

	for (; *next < e->it_id && !ret; (*next)++) {
		ret = puppet_room(t->p, 2, 128, err);
		timer_create_call(&t->p->b, e, -1, 0);
		batch_call1(&t->p->b, "timer_delete", SYS_timer_delete, *next);
	}
	*next = e->it_id + 1;
	return ret;
}

static void timer_arm(struct batch *b, const PosixTimerEntry *e)
{
	struct itimerspec v = {
		.it_interval = { .tv_sec = e->isec, .tv_nsec = e->insec },
		.it_value = { .tv_sec = e->vsec, .tv_nsec = e->vnsec },
	};

	if (!e->vsec && !e->vnsec)
		v.it_value = v.it_interval;
	if (v.it_value.tv_sec || v.it_value.tv_nsec)
		batch_call4(b, "timer_settime", SYS_timer_settime, e->it_id, 0,
			batch_in(b, &v, sizeof(v)), 0);
}

/* Ids rise in the image as /proc shows them, but nobody promises it: take the least left.
 */
static const PosixTimerEntry *next_timer(const TaskTimersEntry *timers, int64_t after)
{
	const PosixTimerEntry *best = NULL;

	for (size_t i = 0; i < timers->n_posix; i++) {
		const PosixTimerEntry *e = timers->posix[i];

		if (e->it_id > after && (!best || e->it_id < best->it_id))
			best = e;
	}
	return best;
}

static int posix_timer_restore(struct restore_thread *t, struct err *err)
{
	const TaskTimersEntry *timers = t->core->tc->timers;
	const PosixTimerEntry *e;
	struct batch *b = &t->p->b;
	uint32_t next = 0;
	bool by_id;
	int ret = 0;

	if (!timers->n_posix)
		return 0;
	by_id = restore_ids_work();
	if (by_id)
		batch_call2(b, "PR_TIMER_CREATE_RESTORE_IDS", SYS_prctl, RESTORE_IDS,
			RESTORE_IDS_ON);
	for (int64_t id = -1; !ret && (e = next_timer(timers, id)); id = e->it_id) {
		if (!by_id)
			ret = walk_to_id(t, e, &next, err);
		if (!ret)
			ret = puppet_room(t->p, 3, 256, err);
		timer_create_call(b, e, e->it_id, 0);
		timer_arm(b, e);
	}
	if (by_id)
		batch_call2(b, "PR_TIMER_CREATE_RESTORE_IDS", SYS_prctl, RESTORE_IDS,
			RESTORE_IDS_OFF);
	return ret;
}

static int posix_timer_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const TaskTimersEntry *timers = core->tc->timers;
	bool by_id = timers && timers->n_posix && restore_ids_work();

	for (size_t i = 0; timers && i < timers->n_posix; i++) {
		const PosixTimerEntry *e = timers->posix[i];

		if (e->insec >= 1000000000 || e->vnsec >= 1000000000 ||
			e->it_id > INT32_MAX)
			return err_set(err, EINVAL, "timer %u: a value is out of range",
				e->it_id);
		if (!by_id && e->it_id > TIMER_ID_WALK)
			return err_set(err, EOPNOTSUPP,
				"timer %u: this kernel cannot make a timer of this id "
				"(Linux 6.15 can)",
				e->it_id);
		for (size_t k = 0; k < i; k++)
			if (timers->posix[k]->it_id == e->it_id)
				return err_set(err, EINVAL,
					"timer %u: twice in the image", e->it_id);
	}
	return 0;
}

static int posix_timer_check(struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	int ret = proc_read(AT_FDCWD, "/proc/self/timers", &buf, err);

	if (ret)
		return err_in(err, ret, "CONFIG_CHECKPOINT_RESTORE");
	if (restore_ids_work())
		return 0;
	return feature_limited(err,
		"slow: a timer is made and deleted for every id below the one "
		"that is wanted, up to %d (PR_TIMER_CREATE_RESTORE_IDS, since Linux "
		"6.15)",
		TIMER_ID_WALK);
}

const struct task_ops posix_timer_ops = {
	.name = "POSIX timers",
	.scope = TASK_WHOLE,
	.ask = posix_timer_ask,
	.take = posix_timer_take,
	.restore = posix_timer_restore,
	.verify = posix_timer_verify,
	.check = posix_timer_check,
};
