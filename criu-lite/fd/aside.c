// SPDX-License-Identifier: GPL-2.0-only
/*
 * Some system calls take their meaning from the caller: epoll_ctl() keeps the
 * number that a descriptor has, bind() a relative path. A thread of our own
 * with its own descriptor table or working directory can make them without
 * disturbing anything else we do.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "crl/err.h"
#include "fd/aside.h"

struct call {
	int flags;
	int (*fn)(void *arg, struct err *err);
	void *arg;
	struct err *err;
	int ret;
};

static void *aside_thread(void *arg)
{
	struct call *c = arg;

	if (unshare(c->flags))
		c->ret = err_os(c->err, errno, "unshare");
	else
		c->ret = c->fn(c->arg, c->err);
	return NULL;
}

int aside(int flags, int (*fn)(void *arg, struct err *err), void *arg, struct err *err)
{
	struct call c = { .flags = flags, .fn = fn, .arg = arg, .err = err };
	pthread_t thread;
	int code = pthread_create(&thread, NULL, aside_thread, &c);

	if (code)
		return err_os(err, code, "start a thread");
	pthread_join(thread, NULL);
	return c.ret;
}
