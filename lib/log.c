// SPDX-License-Identifier: LGPL-2.1-or-later
/* Log lines: each is formatted in one buffer and written by one write(2). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crl/log.h"

static long long monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

void log_init(struct log *log, int level, int fd)
{
	log->level = level;
	log->fd = fd;
	log->start_ns = monotonic_ns();
}

static void log_line(
	const struct log *log, enum log_level level, const char *fmt, va_list ap)
{
	char line[2048];
	int used = 0;
	long long us;

	if (!log || (int)level > log->level)
		return;
	if (log->level >= LOG_LEVEL_INFO) {
		us = (monotonic_ns() - log->start_ns) / 1000;
		used = snprintf(line, sizeof(line), "(%02lld.%06lld) ", us / 1000000,
			us % 1000000);
	}
	if (level == LOG_LEVEL_WARN)
		used += snprintf(line + used, sizeof(line) - used, "warning: ");
	used += vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	if (used > (int)sizeof(line) - 2)
		used = sizeof(line) - 2;
	line[used++] = '\n';
	if (write(log->fd, line, used) < 0)
		return; /* a log that cannot be written must not fail the work */
}

#define LOG_AT(name, level)                                                              \
	void name(const struct log *log, const char *fmt, ...)                           \
	{                                                                                \
		va_list ap;                                                              \
		va_start(ap, fmt);                                                       \
		log_line(log, level, fmt, ap);                                           \
		va_end(ap);                                                              \
	}

LOG_AT(log_warn, LOG_LEVEL_WARN)
LOG_AT(log_info, LOG_LEVEL_INFO)
LOG_AT(log_debug, LOG_LEVEL_DEBUG)
