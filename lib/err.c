// SPDX-License-Identifier: LGPL-2.1-or-later
/* Recording of failures: see crl/err.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crl/err.h"

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err->code = code;
	return -code;
}

int err_os(struct err *err, int code, const char *fmt, ...)
{
	size_t used;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror(code));
	err->code = code;
	return -code;
}

int err_in(struct err *err, int ret, const char *fmt, ...)
{
	char context[256];
	size_t used, keep;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(context, sizeof(context) - 2, fmt, ap);
	va_end(ap);
	strcat(context, ": ");
	used = strlen(context);
	keep = strlen(err->text);
	if (keep > sizeof(err->text) - 1 - used)
		keep = sizeof(err->text) - 1 - used;
	memmove(err->text + used, err->text, keep);
	memcpy(err->text, context, used);
	err->text[used + keep] = '\0';
	return ret;
}
