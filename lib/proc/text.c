// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names as procfs prints them.
 *
 * A file name may hold any byte but '/' and NUL. Where the kernel prints names
 * in lines, it writes the bytes that would break the line as a backslash and
 * three octal digits. Which bytes differs from file to file: mountinfo escapes
 * blank, tab, newline, backslash and (newer kernels) '#', so that what was printed
 * can be turned back exactly. maps and smaps escape the newline alone: there
 * "\012" may be a newline or those four characters, and only the link in
 * /proc/PID/map_files knows.
 */
#include <errno.h>
#include <string.h>

#include "crl/proc/text.h"
#include "scan.h"

bool proc_text_is(struct proc_text text, const char *string)
{
	return strlen(string) == text.len && memcmp(text.s, string, text.len) == 0;
}

/* The byte that \ooo at s stands for, -1 when it is not such. */
static int octal(const char *s, const char *end)
{
	if (end - s < 4 || s[0] != '\\' || s[1] < '0' || s[1] > '3')
		return -1;
	if ((unsigned char)(s[2] - '0') > 7 || (unsigned char)(s[3] - '0') > 7)
		return -1;
	return (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
}

ssize_t proc_text_decode(
	struct proc_text text, const char *escaped, char *out, size_t size)
{
	const char *s = text.s, *end = text.s + text.len;
	size_t len = 0;

	while (s < end) {
		int byte = *s == '\\' ? octal(s, end) : -1;

		if (len + 1 >= size)
			return -ENAMETOOLONG;
		if (byte > 0 && strchr(escaped, byte)) {
			out[len++] = (char)byte;
			s += 4;
		} else {
			out[len++] = *s++;
		}
	}
	if (len >= size)
		return -ENAMETOOLONG;
	out[len] = '\0';
	return (ssize_t)len;
}
