// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/limits: a heading and a line for each resource limit, in the order
 * of RLIMIT_* (x86 and all architectures that number them alike). The name is
 * padded to 26 columns and the soft limit to 21 more, so blanks in the names
 * do no harm. Reading it takes no privilege beyond that of ptrace, where
 * prlimit() on another user's task asks for CAP_SYS_RESOURCE.
 */
#include <errno.h>

#include "crl/err.h"
#include "crl/proc/file.h"
#include "crl/proc/limits.h"
#include "scan.h"

#define NAME_WIDTH 26

static const char *const names[PROC_LIMITS] = {
	"Max cpu time ",
	"Max file size ",
	"Max data size ",
	"Max stack size ",
	"Max core file size ",
	"Max resident set ",
	"Max processes ",
	"Max open files ",
	"Max locked memory ",
	"Max address space ",
	"Max file locks ",
	"Max pending signals ",
	"Max msgqueue size ",
	"Max nice priority ",
	"Max realtime priority ",
	"Max realtime timeout ",
};

static bool scan_limit(const char **p, const char *end, uint64_t *out)
{
	scan_blanks(p, end);
	if (scan_string(p, end, "unlimited")) {
		*out = PROC_LIMIT_NONE;
		return true;
	}
	return scan_dec(p, end, out);
}

int limits_parse(
	const char *text, size_t len, struct proc_limit out[PROC_LIMITS], struct err *err)
{
	struct proc_text rest = { text, len }, line;

	if (!scan_line(&rest, &line))
		return err_set(err, EINVAL, "limits: empty");
	for (int i = 0; i < PROC_LIMITS; i++) {
		const char *p, *end;

		if (!scan_line(&rest, &line))
			return err_set(err, EINVAL, "limits: no \"%s\"", names[i]);
		p = line.s;
		end = line.s + line.len;
		if (line.len < NAME_WIDTH || !scan_string(&p, end, names[i]))
			return err_set(err, EINVAL, "limits: \"%.*s\" instead of \"%s\"",
				(int)line.len, line.s, names[i]);
		p = line.s + NAME_WIDTH;
		if (!scan_limit(&p, end, &out[i].soft) ||
			!scan_limit(&p, end, &out[i].hard))
			return err_set(err, EINVAL, "limits: no number in \"%.*s\"",
				(int)line.len, line.s);
	}
	return 0;
}

int limits_read(int dirfd, struct proc_buf *buf, struct proc_limit out[PROC_LIMITS],
	struct err *err)
{
	int ret = proc_read(dirfd, "limits", buf, err);

	return ret < 0 ? ret : limits_parse(buf->data, buf->len, out, err);
}
