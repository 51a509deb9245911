// SPDX-License-Identifier: GPL-2.0-only
/*
 * Terminals, at restore. The tree's terminal becomes the one that crl has as
 * standard input: every open file of it is opened anew there, and settings and
 * window size of the image are set on it.
 *
 * Who led the session decides what else is due. Mostly it was a shell outside of
 * the tree: then the restored tasks are in the session of crl, which this
 * terminal controls, and the group that was in the foreground is put there
 * again. If it was a task of the tree, its session has just been made and has no
 * terminal: the leader takes this one (TIOCSCTTY), which the kernel allows only
 * when no other session has it. So crl, when it leads a session itself, gives it
 * up first; started from a shell it cannot, and the restore fails.
 *
 * A task changes the foreground group from within its session, with SIGTTOU
 * blocked, as the kernel would stop it for trying from the background.
 */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/puppet.h"
#include "fd/fd.h"
#include "fd/owner.h"
#include "fd/restore-files.h"
#include "fd/tty-restore.h"
#include "image/frame.h"
#include "proto/tty.pb-c.h"

#define STATUS_FLAGS (O_NONBLOCK | O_ASYNC | O_APPEND)
#define OPEN_FLAGS   (O_ACCMODE | O_DSYNC | O_SYNC | O_LARGEFILE)
#define OURS	     "/proc/self/fd/0" /* the terminal of crl */

/* What can be changed on a terminal, as crl found it. */
struct tty_found {
	int fd; /* the terminal; -1 when nothing was changed */
	struct termios termios;
	struct winsize size;
	pid_t group; /* in the foreground; 0 when crl is not of its session */
};

struct restore_ttys {
	const TtyInfoEntry **info; /* by id */
	size_t count, cap;
	const TtyInfoEntry *main; /* NULL when none is needed from outside */
	struct tty_found found;
	bool taken,
		group_set; /* the leader of a session of the tree has it; foreground */
};

static int info_cmp(const void *left, const void *right)
{
	const TtyInfoEntry *const *a = left, *const *b = right;

	return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

static const TtyInfoEntry *info_find(const struct restore_files *r, const FileEntry *e)
{
	TtyInfoEntry key = { .id = e->tty ? e->tty->tty_info_id : 0 };
	const TtyInfoEntry *k = &key, **found;

	if (!e->tty || !r->ttys->count)
		return NULL;
	found = bsearch(&k, r->ttys->info, r->ttys->count, sizeof(k), info_cmp);
	return found ? *found : NULL;
}

static bool hung_up(const TtyInfoEntry *info)
{
	return !info->termios;
}

/* The terminal that the tree was on; /dev/tty is just another way to it. */
static int choose_main(struct restore_files *r, struct err *err)
{
	const TtyInfoEntry **main = &r->ttys->main;

	for (size_t i = 0; i < r->count; i++) {
		const FileEntry *e = r->file[i].entry;
		const TtyInfoEntry *info;

		if (!e || e->type != FD_TYPES__TTY || !r->file[i].refs)
			continue;
		info = info_find(r, e);
		if (!info || hung_up(info) || info == *main)
			continue;
		if (*main && (*main)->type != TTY_TYPE__CTTY &&
			info->type != TTY_TYPE__CTTY)
			return err_set(err, EOPNOTSUPP,
				"records %u and %u of tty-info.img: only one terminal "
				"can be given",
				(*main)->id, info->id);
		if (!*main || (*main)->type == TTY_TYPE__CTTY)
			*main = info;
	}
	return 0;
}

int tty_load(struct restore_files *r, struct err *err)
{
	struct image_reader rd = { 0 };
	struct ProtobufCMessage *msg;
	struct restore_ttys *all = r->ttys = arena_alloc(&r->arena, sizeof(*all));
	int ret;

	all->found.fd = -1;
	ret = image_reader_load(&rd, r->dir, IMAGE_TTY_INFO, 0, r->version, err);
	if (!ret)
		ret = restore_files_sum(r, rd.name, rd.data, rd.size, err);
	while (!ret && (ret = image_reader_next(&rd, &tty_info_entry__descriptor,
				&r->arena.pb, &msg, err)) > 0) {
		arena_push(&r->arena, all->info, all->count, all->cap,
			(const TtyInfoEntry *)msg);
		ret = 0;
	}
	image_reader_deinit(&rd);
	if (ret < 0)
		return ret;
	if (all->count)
		qsort(all->info, all->count, sizeof(*all->info), info_cmp);
	for (size_t i = 1; i < all->count; i++)
		if (all->info[i]->id == all->info[i - 1]->id)
			return err_set(err, EINVAL, "tty-info.img: id %u twice",
				all->info[i]->id);
	return choose_main(r, err);
}

static int verify_info(const TtyInfoEntry *info, struct err *err)
{
	const TermiosEntry *t = info->termios;
	const WinsizeEntry *w = info->winsize;

	if (info->type == TTY_TYPE__UNKNOWN || info->type == TTY_TYPE__EXT_TTY)
		return err_set(err, EOPNOTSUPP,
			"record %u: terminals of type %d are not restored", info->id,
			info->type);
	if (info->type == TTY_TYPE__PTY && info->id & 1)
		return err_set(err, EOPNOTSUPP,
			"record %u: terminals that the tree has made are not restored",
			info->id);
	if (t && t->n_c_cc * sizeof(*t->c_cc) < NCCS)
		return err_set(err, EINVAL, "record %u: control characters are missing",
			info->id);
	if (w && (w->ws_row | w->ws_col | w->ws_xpixel | w->ws_ypixel) > UINT16_MAX)
		return err_set(err, EINVAL, "record %u: window of %u rows, %u columns",
			info->id, w->ws_row, w->ws_col);
	return 0;
}

int tty_verify(const struct restore_files *r, const FileEntry *e, struct err *err)
{
	const TtyInfoEntry *info = info_find(r, e);
	struct termios t;
	int ret;

	if (!e->tty || e->tty->id != e->id || (e->tty->flags & O_ACCMODE) == O_ACCMODE)
		return err_set(err, EINVAL, "file %u: no terminal", e->id);
	if (!info)
		return err_set(err, EINVAL, "file %u: no record %u in tty-info.img",
			e->id, e->tty->tty_info_id);
	ret = verify_info(info, err);
	if (ret || hung_up(info))
		return ret;
	if (!r->opt->shell_job)
		return err_set(err, EINVAL,
			"the tree was on a terminal; pass --shell-job to give it that of "
			"crl's "
			"standard input");
	if (ioctl(STDIN_FILENO, TCGETS, &t))
		return err_set(err, ENOTTY,
			"--shell-job: standard input is no terminal; run crl restore on "
			"one");
	return 0;
}

/* The slave of a pty whose master is closed. */
static int open_hung_up(int flags, struct err *err)
{
	auto_fd int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0, slave;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock))
		return err_os(err, errno, "make a pseudo-terminal");
	slave = ioctl(
		master, TIOCGPTPEER, flags & ~O_CLOEXEC); /* F_GETFL would show it */
	if (slave < 0)
		return err_os(err, errno, "open a pseudo-terminal");
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	return slave;
}

static bool same_terminal(int a, int b)
{
	unsigned left, right;

	return !ioctl(a, TIOCGDEV, &left) && !ioctl(b, TIOCGDEV, &right) && left == right;
}

static int open_ours(const TtyInfoEntry *info, int flags, struct err *err)
{
	int fd;

	if (info->type == TTY_TYPE__CTTY) {
		fd = open("/dev/tty", flags);
		if (fd >= 0 && same_terminal(fd, STDIN_FILENO))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	fd = open(OURS, flags);
	return fd < 0 ? err_os(err, errno, "open the terminal of standard input") : fd;
}

static void block_ttou(sigset_t *old)
{
	sigset_t ttou;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, old);
}

static int set_up(int fd, const TtyInfoEntry *info, struct err *err)
{
	const TermiosEntry *e = info->termios;
	struct termios t = { .c_iflag = e->c_iflag,
		.c_oflag = e->c_oflag,
		.c_cflag = e->c_cflag,
		.c_lflag = e->c_lflag,
		.c_line = e->c_line };
	struct winsize size;

	memcpy(t.c_cc, e->c_cc, NCCS);
	if (ioctl(fd, TCSETS, &t))
		return err_os(err, errno, "set up the terminal");
	if (!info->winsize)
		return 0;
	size = (struct winsize){ .ws_row = info->winsize->ws_row,
		.ws_col = info->winsize->ws_col,
		.ws_xpixel = info->winsize->ws_xpixel,
		.ws_ypixel = info->winsize->ws_ypixel };
	return ioctl(fd, TIOCSWINSZ, &size)
		       ? err_os(err, errno, "set the size of the terminal")
		       : 0;
}

/* Once, before the first task gets it. */
static int prepare(struct restore_files *r, struct err *err)
{
	struct tty_found *found = &r->ttys->found;
	sigset_t old;
	int ret;

	found->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	if (found->fd < 0 || ioctl(found->fd, TCGETS, &found->termios) ||
		ioctl(found->fd, TIOCGWINSZ, &found->size))
		return err_os(err, errno, "the terminal of standard input");
	if (ioctl(found->fd, TIOCGPGRP, &found->group))
		found->group = 0;
	block_ttou(&old);
	ret = set_up(found->fd, r->ttys->main, err);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret;
}

int tty_open(struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	const TtyInfoEntry *info = info_find(r, e);
	int flags = (e->tty->flags & OPEN_FLAGS) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	auto_fd int new = -1;
	int ret = 0;

	if (!hung_up(info) && r->ttys->found.fd < 0)
		ret = prepare(r, err);
	if (ret)
		return ret;
	new = hung_up(info) ? open_hung_up(flags, err) : open_ours(info, flags, err);
	if (new < 0)
		return new;
	ret = fd_set_owner(new, e->tty->fown, err);
	if (!ret && fcntl(new, F_SETFL, e->tty->flags & STATUS_FLAGS))
		ret = err_os(err, errno, "set its flags");
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

/* The terminal is to be nobody's; the kernel hangs up on a leader that lets go of it. */
static int give_up(const TtyInfoEntry *info, struct err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	pid_t owner;
	int ret;

	if (ioctl(STDIN_FILENO, TIOCGSID, &owner))
		return 0; /* not crl's */
	if (owner != getpid())
		return err_set(err, EPERM,
			"pid %u leads a session that needs the terminal for itself, and "
			"pid %d has "
			"it; use another one: script -qc 'exec crl restore ...'",
			info->sid, owner);
	sigaction(SIGHUP, &ignore, &old);
	ret = ioctl(STDIN_FILENO, TIOCNOTTY);
	sigaction(SIGHUP, &old, NULL);
	return ret ? err_os(err, errno, "give up the terminal") : 0;
}

static void set_group(struct batch *b, int fd, uint32_t group)
{
	uint64_t ttou = 1ull << (SIGTTOU - 1), old = batch_out(b, sizeof(ttou));

	batch_call4(b, "block SIGTTOU", SYS_rt_sigprocmask, SIG_BLOCK,
		batch_in(b, &ttou, sizeof(ttou)), old, sizeof(ttou));
	batch_call3(b, "set the foreground group of the terminal", SYS_ioctl, fd,
		TIOCSPGRP, batch_in(b, &group, sizeof(group)));
	batch_may_fail(b); /* as long as the group has nobody */
	batch_call4(b, "unblock SIGTTOU", SYS_rt_sigprocmask, SIG_SETMASK, old, 0,
		sizeof(ttou));
}

int tty_attach(struct restore_files *r, const FileEntry *e, struct puppet *p, int fd,
	struct err *err)
{
	const TtyInfoEntry *info = info_find(r, e);
	bool leader = info->sid == (uint32_t)p->pid;
	int ret = puppet_room(p, 4, 64, err);

	if (ret || hung_up(info))
		return ret;
	if (leader && !r->ttys->taken) {
		ret = give_up(info, err);
		if (ret)
			return ret;
		batch_call3(&p->b, "take the terminal", SYS_ioctl, fd, TIOCSCTTY, 0);
		r->ttys->taken = true;
		if (info->pgrp && info->pgrp != info->sid)
			set_group(&p->b, fd, info->pgrp);
	} else if (info->pgrp && !r->ttys->group_set &&
		   getpgid(p->pid) == (pid_t)info->pgrp) {
		r->ttys->group_set = true;
		set_group(&p->b, fd, info->pgrp);
	}
	return 0;
}

static void found_close(struct tty_found *found)
{
	if (found->fd >= 0)
		close(found->fd);
	found->fd = -1;
}

void tty_keep(struct restore_files *r)
{
	if (!r->ttys || r->ttys->found.fd < 0)
		return;
	if (r->ttys->main->exclusive)
		ioctl(r->ttys->found.fd, TIOCEXCL);
	found_close(&r->ttys->found);
}

void tty_release(struct restore_files *r)
{
	struct tty_found *found = r->ttys ? &r->ttys->found : NULL;
	sigset_t old;

	if (!found || found->fd < 0)
		return;
	block_ttou(&old);
	ioctl(found->fd, TCSETS, &found->termios);
	ioctl(found->fd, TIOCSWINSZ, &found->size);
	if (found->group)
		ioctl(found->fd, TIOCSPGRP, &found->group);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	found_close(found);
}
