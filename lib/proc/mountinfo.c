// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/mountinfo: a line for each mount that can be reached from the
 * task's root.
 *
 *	36 35 98:0 /sub /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 *
 * Fields are parted by one blank. Between the sixth and the lone "-" stand any
 * number of optional fields, unknown ones of later kernels among them. Names
 * are escaped (see text.c). The source may be empty, which leaves two blanks
 * side by side; a root that ends in "//deleted" was removed since.
 */
#include <errno.h>

#include "crl/err.h"
#include "crl/proc/file.h"
#include "crl/proc/mountinfo.h"
#include "scan.h"

static bool scan_i32(const char **p, const char *end, int32_t *out)
{
	int64_t number;

	if (!scan_int(p, end, &number))
		return false;
	*out = (int32_t)number;
	return true;
}

static void optional_field(struct proc_text field, struct proc_mount *out)
{
	const char *p = field.s, *end = field.s + field.len;

	if (scan_string(&p, end, "shared:"))
		scan_i32(&p, end, &out->shared);
	else if (scan_string(&p, end, "master:"))
		scan_i32(&p, end, &out->master);
	else if (scan_string(&p, end, "propagate_from:"))
		scan_i32(&p, end, &out->propagate_from);
	else if (proc_text_is(field, "unbindable"))
		out->unbindable = true;
}

/* Everything up to and with the "- ". */
static bool scan_optional(const char **p, const char *end, struct proc_mount *out)
{
	struct proc_text field;

	out->shared = out->master = out->propagate_from = 0;
	out->unbindable = false;
	out->optional = (struct proc_text){ *p, 0 };
	while (scan_until(p, end, ' ', &field)) {
		if (proc_text_is(field, "-"))
			return true;
		optional_field(field, out);
		out->optional.len = (size_t)(*p - 1 - out->optional.s);
	}
	return false;
}

static bool scan_head(const char **p, const char *end, struct proc_mount *out)
{
	uint64_t major, minor;

	if (!scan_i32(p, end, &out->id) || !scan_char(p, end, ' ') ||
		!scan_i32(p, end, &out->parent) || !scan_char(p, end, ' ') ||
		!scan_dec(p, end, &major) || !scan_char(p, end, ':') ||
		!scan_dec(p, end, &minor) || !scan_char(p, end, ' '))
		return false;
	out->major = (uint32_t)major;
	out->minor = (uint32_t)minor;
	return scan_until(p, end, ' ', &out->root) &&
	       scan_until(p, end, ' ', &out->point) &&
	       scan_until(p, end, ' ', &out->options);
}

int mountinfo_next(struct proc_text *rest, struct proc_mount *out, struct err *err)
{
	struct proc_text line;
	const char *p, *end;

	if (!scan_line(rest, &line))
		return 0;
	p = line.s;
	end = line.s + line.len;
	if (!scan_head(&p, end, out) || !scan_optional(&p, end, out) ||
		!scan_until(&p, end, ' ', &out->fstype) ||
		!scan_until(&p, end, ' ', &out->source))
		return err_set(err, EINVAL, "mountinfo: not understood: \"%.*s\"",
			(int)line.len, line.s);
	out->super = (struct proc_text){ p, (size_t)(end - p) };
	return 1;
}

int mountinfo_read(
	int dirfd, struct proc_buf *buf, struct proc_text *rest, struct err *err)
{
	int ret = proc_read(dirfd, "mountinfo", buf, err);

	if (ret == 0)
		*rest = (struct proc_text){ buf->data, buf->len };
	return ret;
}
