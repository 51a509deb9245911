// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/cgroup: a line "ID:CONTROLLERS:PATH" for each hierarchy.
 *
 * Hierarchy 0 is version 2 and names no controllers. Nothing is escaped: the
 * kernel refuses a newline in the name of a cgroup, controllers hold no colon
 * (the name of a named hierarchy may not either), and the path is all the rest,
 * colons included. It is told from the root of the reader's cgroup namespace
 * ("/../x" lies outside), and a cgroup of version 2 that was removed ends in
 * " (deleted)".
 */
#include <errno.h>

#include "crl/err.h"
#include "crl/proc/cgroup.h"
#include "crl/proc/file.h"
#include "scan.h"

int cgroup_next(struct proc_text *rest, struct proc_cgroup *out, struct err *err)
{
	struct proc_text line;
	const char *p, *end;
	uint64_t id;

	if (!scan_line(rest, &line))
		return 0;
	p = line.s;
	end = line.s + line.len;
	if (!scan_dec(&p, end, &id) || !scan_char(&p, end, ':') ||
		!scan_until(&p, end, ':', &out->controllers) || p == end || *p != '/')
		return err_set(err, EINVAL, "cgroup: not understood: \"%.*s\"",
			(int)line.len, line.s);
	out->hierarchy = (uint32_t)id;
	out->path = (struct proc_text){ p, (size_t)(end - p) };
	return 1;
}

int cgroup_read(int dirfd, struct proc_buf *buf, struct proc_text *rest, struct err *err)
{
	int ret = proc_read(dirfd, "cgroup", buf, err);

	if (ret == 0)
		*rest = (struct proc_text){ buf->data, buf->len };
	return ret;
}
