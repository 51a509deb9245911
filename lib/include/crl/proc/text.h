/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A run of characters inside somebody's buffer, not NUL-terminated. */
#ifndef CRL_PROC_TEXT_H
#define CRL_PROC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct proc_text {
	const char *s;
	size_t len;
};

bool proc_text_is(struct proc_text text, const char *string);

/* What the kernel escapes as \ooo in /proc/PID/maps and in mountinfo. */
#define PROC_ESCAPED_MAPS  "\n"
#define PROC_ESCAPED_MOUNT " \t\n\\#"

/*
 * Copy text to out and terminate it, turning \ooo back into the byte it stands
 * for, if that byte is one of escaped. Other backslashes stay: maps does not
 * escape the backslash itself, so "\101" there is four characters of a name.
 * Returns the length, or -ENAMETOOLONG when out is too small.
 */
ssize_t proc_text_decode(
	struct proc_text text, const char *escaped, char *out, size_t size);

#endif
