// SPDX-License-Identifier: GPL-2.0-only
/*
 * Epoll files. What is watched is a pair: an open file, and the number it had
 * when it was added. The number may have been closed since, or mean another
 * file now, while the file lives on under another number; it is still watched.
 * fdinfo has number, events, data, and device and inode, which for many files
 * are the same; so which open file is meant is asked with kcmp(KCMP_EPOLL_TFD),
 * first of the number itself, then of every descriptor of the tree. A file that
 * only somebody outside of the tree still has is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "fd/anon.h"
#include "fd/epoll-restore.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

struct epoll_seen {
	FileEntry *entry;
	pid_t pid;
	int fd;
	const char *comm;
};

struct files_epolls {
	struct epoll_seen *list;
	size_t count, cap;
};

static bool epoll_probe(const struct fd_view *v)
{
	return anon_is(v, "[eventpoll]");
}

static bool parse_watch(struct proc_text value, EventpollTfdEntry *w)
{
	uint64_t tfd, events, dev;

	if (!fdinfo_number(value, NULL, 10, &tfd) ||
		!fdinfo_number(value, "events", 16, &events) ||
		!fdinfo_number(value, "data", 16, &w->data))
		return false;
	w->tfd = tfd;
	w->events = events;
	w->has_inode = fdinfo_number(value, "ino", 16, &w->inode);
	w->has_pos = fdinfo_number(value, "pos", 10, &w->pos);
	w->has_dev = fdinfo_number(value, "sdev", 16, &dev);
	w->dev = w->has_dev ? dev : 0;
	return true;
}

static int epoll_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	EventpollFileEntry *ep =
		arena_msg(&f->arena, EventpollFileEntry, eventpoll_file_entry);
	struct epoll_seen seen = { .entry = e, .pid = v->task->pid, .fd = v->fd };
	struct proc_text lines;
	struct fdinfo_line line;
	size_t cap = 0;
	int ret = anon_fdinfo(v, &lines, err);

	while (!ret && fdinfo_next(&lines, &line)) {
		EventpollTfdEntry *w;

		if (!proc_text_is(line.key, "tfd"))
			continue;
		w = arena_msg(&f->arena, EventpollTfdEntry, eventpoll_tfd_entry);
		if (!parse_watch(line.value, w))
			return err_set(
				err, EIO, "fdinfo shows a watch that cannot be read");
		arena_push(&f->arena, ep->tfd, ep->n_tfd, cap, w);
	}
	if (ret)
		return ret;
	e->epfd = ep;
	ep->id = e->id;
	ep->flags = v->flags;
	ep->fown = v->fown;
	seen.comm = arena_text(&f->arena, v->task->stat.comm);
	if (!f->epolls)
		f->epolls = arena_alloc(&f->arena, sizeof(*f->epolls));
	arena_push(&f->arena, f->epolls->list, f->epolls->count, f->epolls->cap, seen);
	return 0;
}

/* Is this descriptor the file that is watched as the nth of those with number tfd? */
static bool watches(
	const struct epoll_seen *s, uint32_t tfd, uint32_t nth, pid_t pid, int fd)
{
	struct kcmp_epoll_slot slot = { .efd = s->fd, .tfd = tfd, .toff = nth };

	return !syscall(SYS_kcmp, pid, s->pid, KCMP_EPOLL_TFD, fd, &slot);
}

static int seen_cmp(const void *left, const void *right)
{
	const struct files_seen *a = left, *b = right;

	return a->pid != b->pid ? (a->pid > b->pid) - (a->pid < b->pid) : a->fd - b->fd;
}

/* The descriptor that has the watched file: the number itself, one of the same task, any.
 */
static const struct files_seen *find_watched(const struct epoll_seen *s, uint32_t tfd,
	uint32_t nth, const struct files_seen *all, size_t n)
{
	struct files_seen key = { .pid = s->pid, .fd = tfd };
	const struct files_seen *at = bsearch(&key, all, n, sizeof(*all), seen_cmp),
				*other = NULL;

	if (at && watches(s, tfd, nth, s->pid, tfd))
		return at;
	for (size_t i = 0; i < n; i++) {
		if ((other && all[i].pid != s->pid) ||
			!watches(s, tfd, nth, all[i].pid, all[i].fd))
			continue;
		other = &all[i];
		if (other->pid == s->pid)
			break;
	}
	return other;
}

static void resolve(struct files *f, const struct epoll_seen *s, EventpollTfdEntry *w,
	uint32_t nth, const struct files_seen *all, size_t n)
{
	const struct files_seen *at = find_watched(s, w->tfd, nth, all, n);
	bool moved = at && (at->pid != s->pid || at->fd != (int)w->tfd);

	if (!at) {
		obstacles_add(f->obstacles, s->pid, s->comm,
			"remove it from the epoll file (EPOLL_CTL_DEL) before closing it",
			"fd %d (epoll): it watches a file that was descriptor %u once, "
			"and that no "
			"task of the tree has open any more",
			s->fd, w->tfd);
		return;
	}
	if (at->type == FD_TYPES__SIGNALFD && moved) {
		obstacles_add(f->obstacles, s->pid, s->comm,
			"keep a watched signalfd open under its number",
			"fd %d (epoll): it watches a signalfd that was descriptor %u and "
			"is %d of "
			"pid %d now",
			s->fd, w->tfd, at->fd, at->pid);
		return;
	}
	if (at->type == FD_TYPES__SIGNALFD || !at->id) /* refused already */
		return;
	w->has_crl_file = true;
	w->crl_file = at->id;
	if (moved && at->pid == s->pid) { /* who knows numbers only can still find it */
		w->has_crl_tfd = true;
		w->crl_tfd = w->tfd;
		w->tfd = at->fd;
	}
}

/* Watches with the same number are told apart by their order in fdinfo. */
static int resolve_all(struct files *f, const struct epoll_seen *s,
	const struct files_seen *all, size_t n, struct err *err)
{
	const EventpollFileEntry *ep = s->entry->epfd;
	auto_free uint32_t *nth = NULL;
	uint32_t max = 0;

	for (size_t i = 0; i < ep->n_tfd; i++)
		max = ep->tfd[i]->tfd > max ? ep->tfd[i]->tfd : max;
	nth = calloc((size_t)max + 1, sizeof(*nth));
	if (!nth)
		return err_os(err, ENOMEM, "watches of an epoll file");
	for (size_t i = 0; i < ep->n_tfd; i++)
		resolve(f, s, ep->tfd[i], nth[ep->tfd[i]->tfd]++, all, n);
	return 0;
}

static int epoll_finish(struct files *f, struct err *err)
{
	size_t n = f->seen_count;
	struct files_seen *all;
	int ret = 0;

	if (!f->epolls)
		return 0;
	all = arena_copy(&f->arena, f->seen, n * sizeof(*all));
	qsort(all, n, sizeof(*all), seen_cmp);
	for (size_t i = 0; i < f->epolls->count && !ret; i++)
		ret = resolve_all(f, &f->epolls->list[i], all, n, err);
	return ret;
}

static void epoll_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "epoll of %zu descriptors", e->epfd->n_tfd);
}

static int epoll_check(struct err *err)
{
	auto_fd int ep = epoll_create1(EPOLL_CLOEXEC),
		    watched = epoll_create1(EPOLL_CLOEXEC);
	struct kcmp_epoll_slot slot = { .efd = ep, .tfd = watched };
	struct epoll_event ev = { .events = EPOLLIN };
	pid_t self = getpid();

	if (ep < 0 || watched < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, watched, &ev))
		return err_os(err, errno, "make one");
	if (syscall(SYS_kcmp, self, self, KCMP_EPOLL_TFD, watched, &slot))
		return err_os(err, errno, "kcmp(KCMP_EPOLL_TFD) (CONFIG_KCMP)");
	return 0;
}

const struct fd_ops epoll_ops = {
	.name = "epoll",
	.type = FD_TYPES__EVENTPOLL,
	.probe = epoll_probe,
	.dump = epoll_dump,
	.finish = epoll_finish,
	.load = epoll_load,
	.verify = epoll_verify,
	.open = epoll_open,
	.attach = epoll_attach,
	.show = epoll_show,
	.check = epoll_check,
};
