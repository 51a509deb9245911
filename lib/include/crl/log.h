/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A log is a value too: a level and a descriptor, handed to whoever may want
 * to say something. Levels are those of the command line's -v: 1 errors,
 * 2 warnings, 3 information with timestamps, 4 debugging. A NULL log is silent.
 */
#ifndef CRL_LOG_H
#define CRL_LOG_H

enum log_level { LOG_LEVEL_ERROR = 1, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	int level;	    /* what is above is dropped */
	int fd;		    /* where it goes; not owned */
	long long start_ns; /* CLOCK_MONOTONIC at log_init, the zero of timestamps */
};

void log_init(struct log *log, int level, int fd);

/* One line a call; the newline is added. */
void log_warn(const struct log *log, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void log_info(const struct log *log, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void log_debug(const struct log *log, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
