// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Lines of /proc/locks, and of fdinfo behind "lock:". A number, then words:
 *
 *	1: POSIX  ADVISORY  WRITE 812 fe:00:1234 100 199
 *	2: OFDLCK ADVISORY  READ  -1 fe:00:1234 0 EOF
 *	3: FLOCK  ADVISORY  WRITE 812 fe:00:1234 0 EOF
 *	4: LEASE  ACTIVE    READ  812 fe:00:1234 0 EOF
 *	4: LEASE  BREAKING  UNLCK 812 fe:00:1234 0 EOF
 *	5: -> FLOCK  ADVISORY  WRITE 813 fe:00:1234 0 EOF
 *
 * The second word of a POSIX lock is MANDATORY on old kernels where the mount
 * says so; a share mode of flock (before Linux 5.15) has MSNFS there. A lease
 * that is being broken shows what it is to become.
 *
 * In fdinfo a POSIX lock stands only under descriptors of the open file through
 * which it was taken, in the table of descriptors that owns it; the others stand
 * under every descriptor of their open file. In a pid namespace other than the
 * first one the pid is 0 when the taker is gone, and /proc/locks omits the line.
 */
#include <errno.h>

#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "crl/proc/lock.h"
#include "scan.h"

static bool word(const char **p, const char *end, struct proc_text *out)
{
	const char *s;

	scan_blanks(p, end);
	for (s = *p; s < end && *s != ' ' && *s != '\t'; s++)
		;
	*out = (struct proc_text){ *p, (size_t)(s - *p) };
	*p = s;
	return out->len;
}

static enum proc_lock_kind kind_of(struct proc_text kind, struct proc_text mode)
{
	bool lock = proc_text_is(mode, "ADVISORY") || proc_text_is(mode, "MANDATORY");

	if (lock && proc_text_is(kind, "POSIX"))
		return PROC_LOCK_POSIX;
	if (lock && proc_text_is(kind, "OFDLCK"))
		return PROC_LOCK_OFD;
	if (lock && proc_text_is(kind, "FLOCK"))
		return PROC_LOCK_FLOCK;
	if (proc_text_is(kind, "LEASE"))
		return PROC_LOCK_LEASE;
	return PROC_LOCK_OTHER;
}

/* "812 fe:00:1234 0 EOF" */
static bool numbers(const char **p, const char *end, struct proc_lock *l)
{
	uint64_t major, minor;

	scan_blanks(p, end);
	if (!scan_int(p, end, &l->pid))
		return false;
	scan_blanks(p, end);
	if (!scan_hex(p, end, &major) || !scan_char(p, end, ':') ||
		!scan_hex(p, end, &minor) || !scan_char(p, end, ':') ||
		!scan_dec(p, end, &l->ino))
		return false;
	l->major = major;
	l->minor = minor;
	scan_blanks(p, end);
	if (!scan_int(p, end, &l->start))
		return false;
	scan_blanks(p, end);
	if (scan_string(p, end, "EOF")) {
		l->end = PROC_LOCK_EOF;
		return true;
	}
	return scan_int(p, end, &l->end);
}

static bool parse(const char *p, const char *end, struct proc_lock *l)
{
	struct proc_text kind, mode, type;
	uint64_t number;

	if (!scan_dec(&p, end, &number) || !scan_char(&p, end, ':'))
		return false;
	scan_blanks(&p, end);
	l->waits = scan_string(&p, end, "->");
	scan_blanks(&p, end);
	l->what = (struct proc_text){ p, (size_t)(end - p) };
	if (!word(&p, end, &kind) || !word(&p, end, &mode) || !word(&p, end, &type))
		return false;
	l->kind = kind_of(kind, mode);
	l->write = proc_text_is(type, "WRITE");
	l->breaking = proc_text_is(mode, "BREAKING");
	if (!l->write && !l->breaking && !proc_text_is(type, "READ"))
		l->kind = PROC_LOCK_OTHER;
	return numbers(&p, end, l);
}

int lock_parse(struct proc_text line, struct proc_lock *out, struct err *err)
{
	struct proc_lock l = { 0 };

	if (!parse(line.s, line.s + line.len, &l))
		return err_set(
			err, EINVAL, "a lock reads \"%.*s\"", (int)line.len, line.s);
	*out = l;
	return 0;
}

int lock_next(struct proc_text *rest, struct proc_lock *out, struct err *err)
{
	struct proc_text ahead = *rest;
	struct fdinfo_line line;
	int ret;

	if (!fdinfo_next(&ahead, &line) || !proc_text_is(line.key, "lock"))
		return 0;
	ret = lock_parse(line.value, out, err);
	*rest = ahead;
	return ret ? ret : 1;
}

bool lock_same(const struct proc_lock *a, const struct proc_lock *b)
{
	return a->kind == b->kind && a->write == b->write && a->waits == b->waits &&
	       a->pid == b->pid && a->major == b->major && a->minor == b->minor &&
	       a->ino == b->ino && a->start == b->start && a->end == b->end;
}

bool lock_conflict(const struct proc_lock *a, const struct proc_lock *b)
{
	bool ranged = a->kind == PROC_LOCK_POSIX || a->kind == PROC_LOCK_OFD;
	bool same = ranged ? b->kind == PROC_LOCK_POSIX || b->kind == PROC_LOCK_OFD
			   : b->kind == a->kind;

	return same && !a->waits && !b->waits && (a->write || b->write) &&
	       a->start <= b->end && b->start <= a->end;
}
