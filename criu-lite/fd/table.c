// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of files, in the order in which they are asked whether a descriptor is
 * theirs. */
#include <stdio.h>

#include "fd/fd.h"
#include "fd/files.h"
#include "snapshot/obstacles.h"
#include "task/task.h"

extern const struct fd_ops pipe_ops, fifo_ops, tty_ops, reg_ops;
extern const struct fd_ops eventfd_ops, signalfd_ops, timerfd_ops, epoll_ops, memfd_ops;
extern const struct fd_ops unix_ops, socket_ops;

const struct fd_ops *const fd_table[] = {
	&pipe_ops, &fifo_ops, &tty_ops, &eventfd_ops, &signalfd_ops, &timerfd_ops,
	&epoll_ops, /* before what it may watch, on which it has a claim at restore */
	&unix_ops, &socket_ops, /* the other sockets */
	&memfd_ops,
	&reg_ops, /* regular files, directories, devices: whatever has a path */
};
const unsigned fd_table_size = sizeof(fd_table) / sizeof(fd_table[0]);

const struct fd_ops *fd_ops_probe(const struct fd_view *v)
{
	for (unsigned i = 0; i < fd_table_size; i++)
		if (fd_table[i]->probe(v))
			return fd_table[i];
	return NULL;
}

const struct fd_ops *fd_ops_of(FdTypes type)
{
	for (unsigned i = 0; i < fd_table_size; i++)
		if (fd_table[i]->type == type)
			return fd_table[i];
	return NULL;
}

int fd_refuse(
	struct files *f, const struct fd_view *v, const char *what, const char *remedy)
{
	obstacles_add(f->obstacles, v->task->pid, v->task->stat.comm, remedy,
		"fd %d (%s): %s", v->fd, v->link, what);
	return FD_REFUSED;
}
