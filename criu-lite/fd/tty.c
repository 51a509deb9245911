// SPDX-License-Identifier: GPL-2.0-only
/*
 * Terminals, at dump (restore: tty-restore.c). The far end of a terminal, an
 * emulator or ssh, is outside of the tree; so a tree that has one open is a
 * shell job (--shell-job), and restore gives it the terminal that crl itself
 * has as standard input. Only one can be given: a tree with two is refused. So
 * is the master of a pty, since then the tree has made terminals of its own.
 *
 * /dev/tty is whatever controls the session of the one who opened it; TIOCGDEV
 * says which. Session and foreground group are asked of /proc/PID/stat, as the
 * ioctls answer only to members of the session. What waits in the line buffer
 * belongs to the terminal, which lives on.
 *
 * After a hangup (the far end is closed) a terminal answers EIO to every ioctl
 * and its name in /dev/pts is gone, or means another one. It can be made again
 * at restore without anybody's terminal, so it needs no --shell-job.
 */
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "crl/err.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/reg.h"
#include "fd/tty-restore.h"
#include "image/frame.h"
#include "image/sums.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

#define DELETED	  " (deleted)"
#define PTS_MAJOR 136
#define HUNG_UP_BIT                                                                      \
	(1u << 29) /* keeps ids of dead ptys apart from those of living ones */
#define CC_WORDS 19

static const struct tty_kind {
	unsigned major_first, major_last, first, last; /* minors */
	TtyType type;
	uint32_t index; /* goes into the id; a pty has its own */
	bool master;
} tty_kinds[] = {
	{ PTS_MAJOR, PTS_MAJOR + 7, 0, -1, TTY_TYPE__PTY, 0, false },
	{ 5, 5, 0, 0, TTY_TYPE__CTTY, 1006, false },
	{ 5, 5, 1, 1, TTY_TYPE__CONSOLE, 1002, false },
	{ 5, 5, 2, 2, TTY_TYPE__PTY, 0, true },
	{ 4, 4, 0, 63, TTY_TYPE__VT, 1004, false },
	{ 4, 4, 64, 255, TTY_TYPE__SERIAL, 1010, false },
};

struct tty_known {
	TtyInfoEntry *info;
	bool hung_up;
	uint32_t device; /* as TIOCGDEV and /proc/PID/stat have it */
	pid_t pid;	 /* where it was seen first */
	const char *comm, *what, *name;
};

struct files_ttys {
	struct tty_known *list;
	size_t count, cap;
	uint32_t *master; /* numbers of ptys whose masters are in the tree */
	size_t masters, master_cap;
};

static const struct tty_kind *tty_kind(const struct stat *st)
{
	unsigned maj = major(st->st_rdev), min = minor(st->st_rdev);

	if (!S_ISCHR(st->st_mode))
		return NULL;
	for (size_t i = 0; i < sizeof(tty_kinds) / sizeof(tty_kinds[0]); i++) {
		const struct tty_kind *k = &tty_kinds[i];

		if (maj >= k->major_first && maj <= k->major_last && min >= k->first &&
			min <= k->last)
			return k;
	}
	return NULL;
}

static bool tty_probe(const struct fd_view *v)
{
	return !(v->flags & O_PATH) && tty_kind(&v->st);
}

static struct files_ttys *ttys(struct files *f)
{
	if (!f->ttys)
		f->ttys = arena_alloc(&f->arena, sizeof(*f->ttys));
	return f->ttys;
}

static uint32_t pty_index(const struct stat *st)
{
	return minor(st->st_rdev) + ((major(st->st_rdev) - PTS_MAJOR) << 8);
}

static void take_termios(struct files *f, TermiosEntry *e, const struct termios *t)
{
	e->c_iflag = t->c_iflag;
	e->c_oflag = t->c_oflag;
	e->c_cflag = t->c_cflag;
	e->c_lflag = t->c_lflag;
	e->c_line = t->c_line;
	e->c_ispeed = e->c_ospeed = t->c_cflag & CBAUD;
	e->n_c_cc =
		CC_WORDS; /* of which 19 bytes are the characters, in order of memory */
	e->c_cc = arena_alloc(&f->arena, CC_WORDS * sizeof(*e->c_cc));
	memcpy(e->c_cc, t->c_cc, NCCS);
}

static void take_settings(
	struct files *f, int fd, const struct termios *t, TtyInfoEntry *info)
{
	struct termios locked = { 0 };
	struct winsize ws = { 0 };
	int exclusive = 0;

	if (!ioctl(fd, TIOCGEXCL, &exclusive))
		info->exclusive = exclusive;
	ioctl(fd, TIOCGLCKTRMIOS, &locked);
	ioctl(fd, TIOCGWINSZ, &ws);
	info->termios = arena_msg(&f->arena, TermiosEntry, termios_entry);
	take_termios(f, info->termios, t);
	info->termios_locked = arena_msg(&f->arena, TermiosEntry, termios_entry);
	take_termios(f, info->termios_locked, &locked);
	info->winsize = arena_msg(&f->arena, WinsizeEntry, winsize_entry);
	info->winsize->ws_row = ws.ws_row;
	info->winsize->ws_col = ws.ws_col;
	info->winsize->ws_xpixel = ws.ws_xpixel;
	info->winsize->ws_ypixel = ws.ws_ypixel;
}

static int take_info(
	struct files *f, const struct fd_view *v, struct tty_known *k, struct err *err)
{
	const struct tty_kind *kind = tty_kind(&v->st);
	TtyInfoEntry *info = k->info = arena_msg(&f->arena, TtyInfoEntry, tty_info_entry);
	uint32_t index = kind->type == TTY_TYPE__PTY ? pty_index(&v->st) : kind->index;
	struct termios t;

	k->hung_up = ioctl(v->local, TCGETS, &t);
	if (k->hung_up && errno != EIO)
		return err_os(err, errno, "ask a terminal for its settings");
	info->id = (index | (k->hung_up ? HUNG_UP_BIT : 0)) << 1;
	info->type = kind->type;
	info->rdev = major(v->st.st_rdev) << 8 | minor(v->st.st_rdev);
	info->has_dev = info->has_uid = info->has_gid = true;
	info->dev = major(v->st.st_dev) << 20 | minor(v->st.st_dev);
	info->uid = v->st.st_uid;
	info->gid = v->st.st_gid;
	if (kind->type == TTY_TYPE__PTY) {
		info->pty = arena_msg(&f->arena, TtyPtyEntry, tty_pty_entry);
		info->pty->index = index;
	}
	if (k->hung_up)
		return 0;
	take_settings(f, v->local, &t, info);
	return ioctl(v->local, TIOCGDEV, &k->device) ? err_os(err, errno, "TIOCGDEV") : 0;
}

static int tty_find(struct files *f, const struct fd_view *v, struct tty_known **found,
	struct err *err)
{
	struct files_ttys *all = ttys(f);
	struct tty_known new = { .pid = v->task->pid };
	int ret = take_info(f, v, &new, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < all->count; i++) {
		*found = &all->list[i];
		if ((*found)->info->id == new.info->id)
			return 0;
	}
	new.comm = arena_text(&f->arena, v->task->stat.comm);
	new.name = arena_text(&f->arena, v->link);
	new.what = arena_printf(&f->arena, "fd %d (%s)", v->fd, v->link);
	arena_push(&f->arena, all->list, all->count, all->cap, new);
	*found = &all->list[all->count - 1];
	return 0;
}

/* Whatever is under the name of a dead terminal, it is not this one. */
static int describe_hung_up(struct files *f, const struct fd_view *v, FileEntry *path)
{
	char *name = arena_text(&f->arena, v->link);
	size_t n = strlen(name), d = strlen(DELETED);

	if (n > d && !strcmp(name + n - d, DELETED))
		name[n - d] = '\0';
	path->reg = arena_msg(&f->arena, RegFileEntry, reg_file_entry);
	path->reg->id = path->id;
	path->reg->name = name;
	return 0;
}

static int tty_describe(struct files *f, const struct fd_view *v, bool hung_up,
	FileEntry *path, struct err *err)
{
	char through[32];
	int ret;

	snprintf(through, sizeof(through), "fd/%d", v->fd);
	ret = hung_up ? describe_hung_up(f, v, path)
		      : reg_describe(f, v->task,
				&(struct reg_source){ .through = through,
					.name = v->link,
					.st = &v->st },
				path, err);
	path->reg->flags = v->flags;
	path->reg->fown = v->fown;
	return ret;
}

static int tty_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	struct files_ttys *all = ttys(f);
	struct tty_known *k;
	FileEntry *path;
	uint32_t number;
	int ret;

	if (tty_kind(&v->st)->master) {
		if (!ioctl(v->local, TIOCGPTN, &number))
			arena_push(&f->arena, all->master, all->masters, all->master_cap,
				number);
		return fd_refuse(f, v, "the tree has made a pseudo-terminal of its own",
			"dump only what runs in it, with --shell-job");
	}
	ret = tty_find(f, v, &k, err);
	if (ret)
		return ret;
	if (!k->hung_up && (uint32_t)v->task->stat.tty_nr == k->device) {
		k->info->sid = v->task->stat.session;
		k->info->pgrp = v->task->stat.tpgid > 0 ? v->task->stat.tpgid : 0;
	}
	e->tty = arena_msg(&f->arena, TtyFileEntry, tty_file_entry);
	e->tty->id = e->id;
	e->tty->tty_info_id = k->info->id;
	e->tty->flags = v->flags;
	e->tty->fown = v->fown;
	path = files_new(f, FD_TYPES__REG);
	e->tty->has_regf_id = true;
	e->tty->regf_id = path->id;
	return tty_describe(f, v, k->hung_up, path, err);
}

static bool made_inside(const struct files_ttys *all, const struct tty_known *k)
{
	for (size_t i = 0; i < all->masters; i++)
		if (k->info->pty && k->info->pty->index == all->master[i])
			return true;
	return false;
}

/* `main` is the terminal of the job. */
static void tty_judge(
	struct files *f, const struct tty_known *k, const struct tty_known *main)
{
	if (k->hung_up || made_inside(f->ttys, k))
		return;
	if (!f->opt->shell_job)
		obstacles_add(f->obstacles, k->pid, k->comm,
			"pass --shell-job to go on in the terminal of crl restore, or "
			"redirect it",
			"%s: terminal whose other end is outside of the tree", k->what);
	else if (k->device != main->device)
		obstacles_add(f->obstacles, k->pid, k->comm, "close it before the dump",
			"%s: terminal beside %s; a shell job has one", k->what,
			main->name);
}

static int tty_finish(struct files *f, struct err *err)
{
	struct image_writer w = { 0 };
	const struct tty_known *main = NULL;
	int ret;

	if (!f->ttys)
		return 0;
	for (size_t i = 0; i < f->ttys->count && !main; i++)
		if (!f->ttys->list[i].hung_up)
			main = &f->ttys->list[i];
	ret = image_writer_start(&w, IMAGE_TTY_INFO, 0, err);
	for (size_t i = 0; i < f->ttys->count && !ret; i++) {
		tty_judge(f, &f->ttys->list[i], main);
		ret = image_writer_record(&w, &f->ttys->list[i].info->base, err);
	}
	if (!ret)
		ret = sums_finish_image(f->out.sums, &w, f->out.dir, err);
	image_writer_deinit(&w);
	return ret < 0 ? ret : 0;
}

static void tty_show(const FileEntry *e, char *text, size_t size)
{
	snprintf(text, size, "terminal, record %u of tty-info.img", e->tty->tty_info_id);
}

const struct fd_ops tty_ops = {
	.name = "terminal",
	.type = FD_TYPES__TTY,
	.probe = tty_probe,
	.dump = tty_dump,
	.finish = tty_finish,
	.load = tty_load,
	.release = tty_release,
	.verify = tty_verify,
	.open = tty_open,
	.attach = tty_attach,
	.show = tty_show,
};
