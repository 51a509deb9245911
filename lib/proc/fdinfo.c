// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/fdinfo/FD.
 *
 * Every open file begins with pos, flags and mnt_id, and on kernels newer than 5.10 ino.
 * Then come its locks, a line each ("lock:	1: FLOCK  ADVISORY  WRITE ..."), and then
 * what the kind of file has to say: one number ("eventfd-count:"), a line for each thing
 * watched ("tfd:", "inotify wd:1 ..."), or several ("clockid:", "ticks:", ...). A line is
 * a key up to the first colon or blank, and a value; inside a value are fields
 * "name:NUMBER", sometimes with blanks behind the colon, hexadecimal or decimal as the
 * field will have it.
 */
#include <errno.h>
#include <string.h>

#include "crl/err.h"
#include "crl/proc/fdinfo.h"
#include "crl/proc/file.h"
#include "scan.h"

static int bad_line(const char *what, struct err *err)
{
	return err_set(err, EINVAL, "fdinfo: no \"%s\" where it should be", what);
}

static bool head_field(struct proc_text *rest, const char *key, int base, uint64_t *out)
{
	struct proc_text ahead = *rest;
	struct fdinfo_line line;

	if (!fdinfo_next(&ahead, &line) || !proc_text_is(line.key, key) ||
		!fdinfo_number(line.value, NULL, base, out))
		return false;
	*rest = ahead;
	return true;
}

int fdinfo_parse(const char *text, size_t len, struct proc_fdinfo *out, struct err *err)
{
	struct proc_text rest = { text, len };
	uint64_t pos, flags, mnt_id;

	if (!head_field(&rest, "pos", 10, &pos))
		return bad_line("pos", err);
	if (!head_field(&rest, "flags", 8, &flags))
		return bad_line("flags", err);
	if (!head_field(&rest, "mnt_id", 10, &mnt_id))
		return bad_line("mnt_id", err);
	out->pos = (int64_t)pos;
	out->flags = (uint32_t)flags;
	out->mnt_id = (int32_t)mnt_id;
	out->ino = 0;
	out->has_ino = head_field(&rest, "ino", 10, &out->ino);
	out->rest = rest;
	return 0;
}

int fdinfo_read(
	int dirfd, int fd, struct proc_buf *buf, struct proc_fdinfo *out, struct err *err)
{
	char name[PROC_PATH_SIZE];
	int ret;

	proc_path(name, "", (unsigned int)fd, "");
	ret = proc_read(dirfd, name, buf, err);
	if (ret == 0)
		ret = fdinfo_parse(buf->data, buf->len, out, err);
	return ret < 0 ? err_in(err, ret, "fdinfo of fd %d", fd) : 0;
}

bool fdinfo_next(struct proc_text *rest, struct fdinfo_line *line)
{
	struct proc_text all;
	const char *p, *end;

	if (!scan_line(rest, &all))
		return false;
	p = all.s;
	end = all.s + all.len;
	while (p < end && *p != ':' && *p != ' ' && *p != '\t')
		p++;
	line->key = (struct proc_text){ all.s, (size_t)(p - all.s) };
	scan_char(&p, end, ':');
	scan_blanks(&p, end);
	line->value = (struct proc_text){ p, (size_t)(end - p) };
	return true;
}

static bool number_at(const char *p, const char *end, int base, uint64_t *out)
{
	int64_t number;

	scan_blanks(&p, end);
	if (base == 16) {
		scan_string(&p, end, "0x");
		return scan_hex(&p, end, out);
	}
	if (base == 8)
		return scan_oct(&p, end, out);
	if (!scan_int(&p, end, &number))
		return false;
	*out = (uint64_t)number;
	return true;
}

bool fdinfo_number(struct proc_text value, const char *field, int base, uint64_t *out)
{
	const char *end = value.s + value.len;
	const char *p = value.s;
	size_t len = field ? strlen(field) : 0;

	if (!field)
		return number_at(p, end, base, out);
	while (p < end && (p = memmem(p, (size_t)(end - p), field, len))) {
		const char *behind = p + len;
		bool begins = p == value.s || p[-1] == ' ' || p[-1] == '\t';

		if (begins && scan_char(&behind, end, ':'))
			return number_at(behind, end, base, out);
		p += len;
	}
	return false;
}
