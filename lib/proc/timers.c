// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/timers: what timer_create() was told, four lines a timer.
 *
 *	ID: 1
 *	signal: 60/00007fff86e452a8
 *	notify: signal/pid.2634
 *	ClockID: 0
 *
 * How long the timers still have to run is not here: only timer_gettime()
 * inside the process knows. The file is missing in kernels made without
 * CONFIG_POSIX_TIMERS or CONFIG_CHECKPOINT_RESTORE.
 */
#include <errno.h>
#include <signal.h>

#include "crl/err.h"
#include "crl/proc/file.h"
#include "crl/proc/timers.h"
#include "scan.h"

static bool scan_id(const char **p, const char *end, struct proc_timer *out)
{
	int64_t id;

	if (!scan_string(p, end, "ID: ") || !scan_int(p, end, &id))
		return false;
	out->id = (int32_t)id;
	return scan_char(p, end, '\n');
}

static bool scan_signal(const char **p, const char *end, struct proc_timer *out)
{
	int64_t signo;

	if (!scan_string(p, end, "signal: ") || !scan_int(p, end, &signo) ||
		!scan_char(p, end, '/') || !scan_hex(p, end, &out->sigval))
		return false;
	out->signo = (int32_t)signo;
	return scan_char(p, end, '\n');
}

static bool scan_notify(const char **p, const char *end, struct proc_timer *out)
{
	int64_t target;

	if (!scan_string(p, end, "notify: "))
		return false;
	if (scan_string(p, end, "signal/"))
		out->notify = SIGEV_SIGNAL;
	else if (scan_string(p, end, "none/"))
		out->notify = SIGEV_NONE;
	else if (scan_string(p, end, "thread/"))
		out->notify = SIGEV_THREAD;
	else
		return false;
	if (scan_string(p, end, "tid."))
		out->notify |= SIGEV_THREAD_ID;
	else if (!scan_string(p, end, "pid."))
		return false;
	if (!scan_int(p, end, &target))
		return false;
	out->target = (pid_t)target;
	return scan_char(p, end, '\n');
}

static bool scan_clock(const char **p, const char *end, struct proc_timer *out)
{
	int64_t clock;

	if (!scan_string(p, end, "ClockID: ") || !scan_int(p, end, &clock))
		return false;
	out->clock = (int32_t)clock;
	return *p == end || scan_char(p, end, '\n');
}

int timers_next(struct proc_text *rest, struct proc_timer *out, struct err *err)
{
	const char *p = rest->s, *end = rest->s + rest->len;

	if (rest->len == 0)
		return 0;
	if (!scan_id(&p, end, out) || !scan_signal(&p, end, out) ||
		!scan_notify(&p, end, out) || !scan_clock(&p, end, out)) {
		struct proc_text left = { p, (size_t)(end - p) }, line = { p, 0 };

		scan_line(&left, &line);
		rest->len = 0;
		return err_set(err, EINVAL, "timers: not understood from \"%.*s\" on",
			(int)line.len, line.s);
	}
	*rest = (struct proc_text){ p, (size_t)(end - p) };
	return 1;
}

int timers_read(int dirfd, struct proc_buf *buf, struct proc_text *rest, struct err *err)
{
	int ret = proc_read(dirfd, "timers", buf, err);

	if (ret == 0)
		*rest = (struct proc_text){ buf->data, buf->len };
	return ret;
}
