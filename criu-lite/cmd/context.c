// SPDX-License-Identifier: GPL-2.0-only
/*
 * The surroundings of a dump or restore. The log goes to --log-file in the work
 * directory, else to stderr; the pidfile lies in the work directory too, and
 * the work directory is the image directory where none is given.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/context.h"
#include "cmd/options.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "interrupt.h"

static int open_dir(
	const char *path, const char *what, char option, int *fd, struct err *err)
{
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_set(err, errno, "%s %s: %s; %spass another one with -%c", what,
			path, strerror(errno), errno == ENOENT ? "make it, or " : "",
			option);
	return 0;
}

static int open_log(struct context *c, struct err *err)
{
	int fd = STDERR_FILENO;

	if (c->o->log_file) {
		fd = openat(c->work, c->o->log_file,
			O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
		if (fd < 0)
			return err_set(err, errno,
				"log file %s: %s; pass another one with -o (relative to "
				"the work "
				"directory)",
				c->o->log_file, strerror(errno));
	}
	log_init(&c->log, c->o->verbosity, fd);
	return 0;
}

int context_open(struct context *c, const struct options *o, struct err *err)
{
	const char *images = o->images_dir ? o->images_dir : ".";
	int ret;

	*c = (struct context){
		.o = o, .images = -1, .work = -1, .log = { .fd = STDERR_FILENO }
	};
	ret = open_dir(images, "image directory", 'D', &c->images, err);
	if (!ret)
		ret = open_dir(o->work_dir ? o->work_dir : images, "work directory", 'W',
			&c->work, err);
	return ret ? ret : open_log(c, err);
}

void context_close(struct context *c, const struct err *err)
{
	if (c->log.fd != STDERR_FILENO) {
		if (err)
			dprintf(c->log.fd, "error: %s\n", err->text);
		close(c->log.fd);
	}
	if (c->work >= 0)
		close(c->work);
	if (c->images >= 0)
		close(c->images);
}

static void script_child(
	const struct context *c, const char *script, const char *action, pid_t root)
{
	char text[64];

	interrupt_hold(0);
	snprintf(text, sizeof(text), "/proc/%d/fd/%d", getppid(), c->images);
	setenv("CRTOOLS_IMAGE_DIR", text, 1);
	setenv("CRTOOLS_SCRIPT_ACTION", action, 1);
	unsetenv("CRTOOLS_INIT_PID");
	if (root) {
		snprintf(text, sizeof(text), "%d", root);
		setenv("CRTOOLS_INIT_PID", text, 1);
	}
	execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	_exit(127);
}

static int script_run(const struct context *c, const char *script, const char *action,
	pid_t root, int *status, struct err *err)
{
	pid_t pid = fork();
	int st;

	if (pid < 0)
		return err_os(err, errno, "action script %s", script);
	if (!pid)
		script_child(c, script, action, root);
	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return err_os(err, errno, "wait for action script %s", script);
	if (!st)
		return 0;
	*status = WIFEXITED(st) ? WEXITSTATUS(st) : 1;
	return err_set(err, EIO, "action script %s failed at %s with status %d", script,
		action, *status);
}

int context_scripts(const struct context *c, const char *action, pid_t root, int *status,
	struct err *err)
{
	int ret = 0;

	*status = 0;
	for (unsigned i = c->o->action_scripts; i--;) {
		int one =
			script_run(c, c->o->action_script[i], action, root, status, err);

		ret = ret ? ret : one;
	}
	return ret;
}

int context_pidfile(const struct context *c, pid_t pid, struct err *err)
{
	auto_fd int fd = -1;

	if (!c->o->pidfile)
		return 0;
	fd = openat(
		c->work, c->o->pidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_os(err, errno, "pidfile %s", c->o->pidfile);
	if (dprintf(fd, "%d", pid) < 0)
		return err_os(err, errno, "write the pidfile %s", c->o->pidfile);
	return 0;
}

void context_status_ready(const struct context *c)
{
	if (c->o->status_fd < 0)
		return;
	if (write(c->o->status_fd, "", 1) != 1)
		log_warn(&c->log, "nobody reads --status-fd %d", c->o->status_fd);
	close(c->o->status_fd);
}

bool context_progress(const struct options *o)
{
	return o->progress || (!o->no_progress && isatty(STDERR_FILENO));
}
