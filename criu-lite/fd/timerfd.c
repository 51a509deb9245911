// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timerfds: a clock, the time that remains, an interval, and the expirations
 * that nobody has read yet. fdinfo has all of it. An interval timer that has
 * expired stands still there (one tick, no time left) until somebody asks;
 * timerfd_gettime() on our duplicate makes the kernel catch up, which its
 * owner cannot notice.
 *
 * An absolute timer too goes on with the time that remained: after a restore
 * the clock reads later than when it would have expired. It is set
 * absolutely, though, so that fdinfo and TFD_TIMER_CANCEL_ON_SET stay true.
 * That a clock was set, and the owner not told yet (ECANCELED), is lost.
 *
 * Ticks are set by TFD_IOC_SET_TICKS: CONFIG_CHECKPOINT_RESTORE.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "fd/anon.h"
#include "fd/fd.h"
#include "fd/files.h"
#include "fd/restore-files.h"

#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS _IOW('T', 0, uint64_t)
#endif

#define NSEC	   1000000000ull
#define SEC_MAX	   (INT64_MAX / NSEC / 2) /* the clock's own time is added */
#define SET_FLAGS  (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)
#define CATCH_UPS  10
#define ALL_FIELDS 5

static bool timerfd_probe(const struct fd_view *v)
{
	return anon_is(v, "[timerfd]");
}

/* "(SECONDS, NANOSECONDS)" */
static bool parse_time(struct proc_text value, uint64_t *sec, uint64_t *nsec)
{
	unsigned long long s, ns;
	char text[64];

	if (value.len >= sizeof(text))
		return false;
	memcpy(text, value.s, value.len);
	text[value.len] = '\0';
	if (sscanf(text, "(%llu, %llu)", &s, &ns) != 2)
		return false;
	*sec = s;
	*nsec = ns;
	return true;
}

static int timerfd_parse(struct proc_text lines, TimerfdEntry *t, struct err *err)
{
	struct fdinfo_line line;
	uint64_t clock = 0, flags = 0;
	int found = 0;

	while (fdinfo_next(&lines, &line)) {
		if (proc_text_is(line.key, "clockid"))
			found += fdinfo_number(line.value, NULL, 10, &clock);
		else if (proc_text_is(line.key, "ticks"))
			found += fdinfo_number(line.value, NULL, 10, &t->ticks);
		else if (proc_text_is(line.key, "settime"))
			found += fdinfo_number(line.value, "flags", 8, &flags);
		else if (proc_text_is(line.key, "it_value"))
			found += parse_time(line.value, &t->vsec, &t->vnsec);
		else if (proc_text_is(line.key, "it_interval"))
			found += parse_time(line.value, &t->isec, &t->insec);
	}
	t->clockid = clock;
	t->settime_flags = flags;
	return found == ALL_FIELDS ? 0
				   : err_set(err, EIO, "fdinfo does not have all of it");
}

static bool stands_still(const TimerfdEntry *t)
{
	return t->ticks && (t->isec || t->insec) && !t->vsec && !t->vnsec;
}

static int timerfd_dump(
	struct files *f, const struct fd_view *v, FileEntry *e, struct err *err)
{
	TimerfdEntry *t = arena_msg(&f->arena, TimerfdEntry, timerfd_entry);
	struct itimerspec its;
	struct proc_text lines;
	int tries = 0, ret;

	do {
		if (timerfd_gettime(v->local, &its))
			return err_os(err, errno, "timerfd_gettime");
		ret = anon_fdinfo(v, &lines, err);
		if (!ret)
			ret = timerfd_parse(lines, t, err);
		if (ret)
			return ret;
	} while (stands_still(t) && ++tries < CATCH_UPS);
	if (stands_still(t)) /* it expires faster than we look */
		t->vnsec = 1;
	e->tfd = t;
	t->id = e->id;
	t->flags = v->flags;
	t->fown = v->fown;
	return 0;
}

static int timerfd_verify(
	const struct restore_files *r, const FileEntry *e, struct err *err)
{
	const TimerfdEntry *t = e->tfd;

	if (!t || t->id != e->id)
		return err_set(err, EINVAL, "file %u: no timerfd", e->id);
	if (t->vsec > SEC_MAX || t->isec > SEC_MAX || t->vnsec >= NSEC ||
		t->insec >= NSEC || (t->settime_flags & ~SET_FLAGS))
		return err_set(err, EINVAL, "file %u: impossible times or flags", e->id);
	return 0;
}

/* The clock that an alarm clock shows; to ask the latter takes a device that can wake. */
static clockid_t plain_clock(uint32_t clock)
{
	return clock == CLOCK_REALTIME_ALARM   ? CLOCK_REALTIME
	       : clock == CLOCK_BOOTTIME_ALARM ? CLOCK_BOOTTIME
					       : (clockid_t)clock;
}

static int timerfd_arm(const TimerfdEntry *t, int fd, struct err *err)
{
	struct itimerspec its = {
		.it_value = { t->vsec, t->vnsec },
		.it_interval = { t->isec, t->insec },
	};
	struct timespec now;

	if ((t->settime_flags & TFD_TIMER_ABSTIME) && (t->vsec || t->vnsec)) {
		if (clock_gettime(plain_clock(t->clockid), &now))
			return err_os(err, errno, "read clock %u", t->clockid);
		its.it_value.tv_sec += now.tv_sec;
		its.it_value.tv_nsec += now.tv_nsec;
		if (its.it_value.tv_nsec >= (long)NSEC) {
			its.it_value.tv_nsec -= NSEC;
			its.it_value.tv_sec++;
		}
	}
	if (timerfd_settime(fd, t->settime_flags, &its, NULL))
		return err_os(err, errno, "arm it");
	if (t->ticks && ioctl(fd, TFD_IOC_SET_TICKS, &t->ticks))
		return err_os(err, errno, "set its ticks (TFD_IOC_SET_TICKS)");
	return 0;
}

static int timerfd_open(
	struct restore_files *r, const FileEntry *e, int *fd, struct err *err)
{
	const TimerfdEntry *t = e->tfd;
	auto_fd int new = timerfd_create(t->clockid, TFD_CLOEXEC);
	int ret;

	if (new < 0)
		return err_os(err, errno, "make one for clock %u", t->clockid);
	ret = timerfd_arm(t, new, err);
	if (!ret)
		ret = anon_params(new, t->flags, t->fown, err);
	if (!ret)
		*fd = fd_steal(&new);
	return ret;
}

static void timerfd_show(const FileEntry *e, char *text, size_t size)
{
	const TimerfdEntry *t = e->tfd;

	snprintf(text, size,
		"timerfd of clock %u: %llu.%09llu s left, every %llu.%09llu s, %llu "
		"ticks",
		t->clockid, (unsigned long long)t->vsec, (unsigned long long)t->vnsec,
		(unsigned long long)t->isec, (unsigned long long)t->insec,
		(unsigned long long)t->ticks);
}

static int timerfd_check(struct err *err)
{
	auto_fd int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t one = 1;

	if (fd < 0)
		return err_os(err, errno, "timerfd_create");
	if (ioctl(fd, TFD_IOC_SET_TICKS, &one))
		return err_os(
			err, errno, "TFD_IOC_SET_TICKS (CONFIG_CHECKPOINT_RESTORE)");
	return 0;
}

const struct fd_ops timerfd_ops = {
	.name = "timerfd",
	.type = FD_TYPES__TIMERFD,
	.probe = timerfd_probe,
	.dump = timerfd_dump,
	.verify = timerfd_verify,
	.open = timerfd_open,
	.show = timerfd_show,
	.check = timerfd_check,
};
