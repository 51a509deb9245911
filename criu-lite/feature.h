/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether this kernel, machine and user can do something is tried out by a
 * function that returns 0 (yes), FEATURE_LIMITED (yes, with a restriction that
 * *err tells) or -errno (no, and *err says why). Objects have theirs as `check`
 * (task/task.h, fd/fd.h).
 */
#ifndef CRL_FEATURE_H
#define CRL_FEATURE_H

enum { FEATURE_LIMITED = 1 };

/* err_set() for a restriction. */
#define feature_limited(err, ...) (err_set(err, 0, __VA_ARGS__), FEATURE_LIMITED)

#endif
