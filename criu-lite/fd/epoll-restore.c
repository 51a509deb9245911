// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epoll files at restore. A thread of ours with its own descriptor table gives each
 * watched file its old number and adds it, so that it does not matter what the
 * tasks have there. The kinds of watches:
 *
 * - EPOLLONESHOT that has fired has no events left. It is added with all
 *   events and fires at once if anything is ready; if not, it reports errors
 *   and hang-up, which the kernel adds to what is asked for, once too often.
 * - EPOLLET reports again what is ready, whether or not it had been reported:
 *   one event too many, never one too few.
 * - A signalfd tells of the signals of the task that adds it. It is added by
 *   the first task that has the epoll file, and must have its number there.
 *
 * Dumps of CRIU do not say which file is meant: all is added by that task.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/puppet.h"
#include "fd/anon.h"
#include "fd/aside.h"
#include "fd/epoll-restore.h"
#include "fd/restore-files.h"

#define NESTED_MAX 8 /* the kernel has less */
#define FLAG_BITS  (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define ALL_EVENTS 0x27ff /* every bit that poll(2) can answer */

/* Of each file at restore; only those of epoll files are used. */
struct epoll_state {
	bool opening, attached;
};

struct restore_epolls {
	struct epoll_state *state;
	unsigned depth;
};

static struct epoll_state *state_of(const struct restore_files *r, const FileEntry *e)
{
	return &r->epolls->state[restore_files_index(r, e)];
}

int epoll_load(struct restore_files *r, struct err *err)
{
	int ret = 0;

	r->epolls = arena_alloc(&r->arena, sizeof(*r->epolls));
	r->epolls->state = arena_alloc(&r->arena, r->count * sizeof(*r->epolls->state));
	for (size_t i = 0; i < r->count && !ret; i++) {
		const FileEntry *e = r->file[i].entry;

		if (!e || e->type != FD_TYPES__EVENTPOLL || !e->epfd || !r->file[i].refs)
			continue;
		/* What is watched must stay open in crl until the epoll file is made. */
		for (size_t k = 0; k < e->epfd->n_tfd && !ret; k++)
			if (e->epfd->tfd[k]->has_crl_file)
				ret = restore_files_claim(
					r, e->epfd->tfd[k]->crl_file, false, err);
		if (ret)
			err_in(err, ret, "file %u", e->id);
	}
	return ret;
}

static uint32_t number_of(const EventpollTfdEntry *w)
{
	return w->has_crl_tfd ? w->crl_tfd : w->tfd;
}

int epoll_verify(const struct restore_files *r, const FileEntry *e, struct err *err)
{
	if (!e->epfd || e->epfd->id != e->id)
		return err_set(err, EINVAL, "file %u: no epoll file", e->id);
	for (size_t i = 0; i < e->epfd->n_tfd; i++) {
		const EventpollTfdEntry *w = e->epfd->tfd[i];

		if (number_of(w) > INT32_MAX || w->crl_file == e->id)
			return err_set(err, EINVAL, "file %u: impossible watch of %u",
				e->id, number_of(w));
	}
	return 0;
}

/* Files to watch, and where they are in the table of the thread that adds them. */
struct watch_all {
	int epfd;
	const EventpollTfdEntry **watch;
	int *at;
	size_t n;
};

/* If the number is taken by something that is still needed, move that away. */
static int vacate(struct watch_all *a, size_t from, int number, struct err *err)
{
	int moved;

	if (fcntl(number, F_GETFD) < 0)
		return 0;
	moved = fcntl(number, F_DUPFD_CLOEXEC, 0);
	if (moved < 0)
		return err_os(err, errno, "duplicate a descriptor");
	if (a->epfd == number)
		a->epfd = moved;
	for (size_t i = from; i < a->n; i++)
		if (a->at[i] == number)
			a->at[i] = moved;
	return 0;
}

static bool has_fired(const EventpollTfdEntry *w)
{
	return (w->events & EPOLLONESHOT) && !(w->events & ~FLAG_BITS);
}

static int add_watch(int epfd, int number, const EventpollTfdEntry *w, struct err *err)
{
	struct epoll_event ev = { .events = w->events, .data.u64 = w->data }, fired;

	if (has_fired(w))
		ev.events |= ALL_EVENTS;
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, number, &ev))
		return err_os(err, errno, "watch descriptor %d", number);
	if (!has_fired(w) || epoll_wait(epfd, &fired, 1, 0) == 1)
		return 0;
	ev.events = w->events;
	if (epoll_ctl(epfd, EPOLL_CTL_MOD, number, &ev))
		return err_os(err, errno, "watch descriptor %d", number);
	return 0;
}

static int add_all(void *arg, struct err *err)
{
	struct watch_all *a = arg;
	int ret = 0;

	for (size_t i = 0; i < a->n && !ret; i++) {
		int number = number_of(a->watch[i]);

		if (a->at[i] != number) {
			ret = vacate(a, i, number, err);
			if (!ret && dup2(a->at[i], number) < 0)
				ret = err_os(
					err, errno, "give a file the number %d", number);
		} else if (a->epfd == number) {
			ret = err_set(err, EINVAL, "it watches itself");
		}
		if (!ret)
			ret = add_watch(a->epfd, number, a->watch[i], err);
	}
	return ret;
}

/* Those that have fired come first: they are looked at with nothing else in the file. */
static void watch_order(const EventpollFileEntry *ep, struct watch_all *a)
{
	for (int fired = 1; fired >= 0; fired--)
		for (size_t i = 0; i < ep->n_tfd; i++)
			if (ep->tfd[i]->has_crl_file && has_fired(ep->tfd[i]) == fired)
				a->watch[a->n++] = ep->tfd[i];
}

static int epoll_watch(
	struct restore_files *r, const EventpollFileEntry *ep, int epfd, struct err *err)
{
	auto_free const EventpollTfdEntry **watch =
		malloc((ep->n_tfd + 1) * sizeof(*watch));
	auto_free int *at = malloc((ep->n_tfd + 1) * sizeof(*at));
	struct watch_all a = { .epfd = epfd, .watch = watch, .at = at };
	int ret = 0;

	if (!watch || !at)
		return err_os(err, ENOMEM, "watches");
	watch_order(ep, &a);
	for (size_t i = 0; i < a.n && !ret; i++)
		ret = restore_files_get(r, watch[i]->crl_file, &at[i], err);
	if (!ret && a.n)
		ret = aside(CLONE_FILES, add_all, &a, err);
	for (size_t i = 0; i < a.n && !ret; i++)
		restore_files_release(r, watch[i]->crl_file);
	return ret;
}

int epoll_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	struct epoll_state *s = state_of(r, e);
	auto_fd int new = epoll_create1(EPOLL_CLOEXEC);
	int ret = 0;

	if (new < 0)
		return err_os(err, errno, "make it");
	if (s->opening || r->epolls->depth == NESTED_MAX)
		return err_set(
			err, EINVAL, "file %u: epoll files that watch each other", e->id);
	s->opening = true;
	r->epolls->depth++;
	ret = epoll_watch(r, e->epfd, new, err);
	r->epolls->depth--;
	s->opening = false;
	if (!ret)
		ret = anon_params(new, e->epfd->flags, e->epfd->fown, err);
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

int epoll_attach(struct restore_files *r, const FileEntry *e, struct puppet *p, int fd,
	struct err *err)
{
	struct epoll_state *s = state_of(r, e);

	if (s->attached)
		return 0;
	s->attached = true;
	for (size_t i = 0; i < e->epfd->n_tfd; i++) {
		const EventpollTfdEntry *w = e->epfd->tfd[i];
		struct epoll_event ev = { .events = w->events, .data.u64 = w->data };
		int ret = w->has_crl_file ? 0 : puppet_room(p, 1, sizeof(ev), err);

		if (ret)
			return ret;
		if (!w->has_crl_file)
			batch_call4(&p->b, "add a descriptor to an epoll file",
				SYS_epoll_ctl, fd, EPOLL_CTL_ADD, w->tfd,
				batch_in(&p->b, &ev, sizeof(ev)));
	}
	return 0;
}
