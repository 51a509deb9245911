// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/stat: one line of 52 fields, the same since Linux 3.5.
 *
 * The second field is the name of the task in parentheses and is not escaped:
 * it may hold blanks, parentheses and newlines. All fields behind it are
 * numbers, or the one letter of the state, so the last ')' ends the name.
 *
 * The file of the process (not that of a thread) adds up the times of all its
 * threads, so it takes longer the more there are.
 */
#include <errno.h>
#include <string.h>

#include "crl/err.h"
#include "crl/proc/file.h"
#include "crl/proc/stat.h"
#include "scan.h"

/* Numbers of the fields as proc(5) counts them. */
enum {
	F_PPID = 4,
	F_PGRP = 5,
	F_SESSION = 6,
	F_TTY = 7,
	F_TPGID = 8,
	F_FLAGS = 9,
	F_NICE = 19,
	F_THREADS = 20,
	F_START_TIME = 22,
	F_START_CODE = 26,
	F_END_CODE = 27,
	F_START_STACK = 28,
	F_EXIT_SIGNAL = 38,
	F_RT_PRIORITY = 40,
	F_POLICY = 41,
	F_START_DATA = 45,
	F_END_DATA = 46,
	F_START_BRK = 47,
	F_ARG_START = 48,
	F_ARG_END = 49,
	F_ENV_START = 50,
	F_ENV_END = 51,
	F_EXIT_CODE = 52,
	F_COUNT = 53
};

/* "PID (NAME) S": *p is left at the blank behind the state. */
static int parse_head(
	const char **p, const char *end, struct proc_stat *out, struct err *err)
{
	const char *open, *close;
	uint64_t pid;
	size_t len;

	if (!scan_dec(p, end, &pid) || !scan_char(p, end, ' ') || !scan_char(p, end, '('))
		return err_set(err, EINVAL, "stat: does not begin with a pid and a name");
	open = *p;
	close = memrchr(open, ')', (size_t)(end - open));
	if (!close || end - close < 3 || close[1] != ' ')
		return err_set(err, EINVAL, "stat: no state behind the name");
	out->pid = (pid_t)pid;
	out->state = close[2];
	len = (size_t)(close - open);
	if (len >= sizeof(out->comm))
		len = sizeof(out->comm) - 1;
	memcpy(out->comm, open, len);
	out->comm[len] = '\0';
	*p = close + 3;
	return 0;
}

static void fill(struct proc_stat *out, const uint64_t *f)
{
	out->ppid = (pid_t)f[F_PPID];
	out->pgrp = (pid_t)f[F_PGRP];
	out->session = (pid_t)f[F_SESSION];
	out->tty_nr = (int32_t)f[F_TTY];
	out->tpgid = (pid_t)f[F_TPGID];
	out->flags = (uint32_t)f[F_FLAGS];
	out->nice = (int32_t)f[F_NICE];
	out->num_threads = (uint32_t)f[F_THREADS];
	out->start_time = f[F_START_TIME];
	out->start_code = f[F_START_CODE];
	out->end_code = f[F_END_CODE];
	out->start_stack = f[F_START_STACK];
	out->exit_signal = (int32_t)f[F_EXIT_SIGNAL];
	out->rt_priority = (uint32_t)f[F_RT_PRIORITY];
	out->policy = (uint32_t)f[F_POLICY];
	out->start_data = f[F_START_DATA];
	out->end_data = f[F_END_DATA];
	out->start_brk = f[F_START_BRK];
	out->arg_start = f[F_ARG_START];
	out->arg_end = f[F_ARG_END];
	out->env_start = f[F_ENV_START];
	out->env_end = f[F_ENV_END];
	out->exit_code = (int32_t)f[F_EXIT_CODE];
}

int stat_parse(const char *text, size_t len, struct proc_stat *out, struct err *err)
{
	const char *p = text, *end = text + len;
	uint64_t f[F_COUNT];
	int64_t number;
	int ret;

	ret = parse_head(&p, end, out, err);
	if (ret < 0)
		return ret;
	for (int i = F_PPID; i < F_COUNT; i++) {
		if (!scan_char(&p, end, ' ') || !scan_int(&p, end, &number))
			return err_set(err, EINVAL, "stat: field %d is not a number", i);
		f[i] = (uint64_t)number;
	}
	fill(out, f);
	return 0;
}

int stat_read(int dirfd, struct proc_buf *buf, struct proc_stat *out, struct err *err)
{
	int ret = proc_read(dirfd, "stat", buf, err);

	return ret < 0 ? ret : stat_parse(buf->data, buf->len, out, err);
}
