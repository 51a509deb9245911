// SPDX-License-Identifier: GPL-2.0-only
/* Text for people: see print.h. */
#include <signal.h>
#include <string.h>

#include "cmd/print.h"

void print_name(FILE *out, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\x%02x", *p);
		else if (*p == 0xc2 && p[1] >= 0x80 &&
			 p[1] < 0xa0) /* C1 controls, in UTF-8 */
			fprintf(out, "\\x%02x\\x%02x", *p, p[1]), p++;
		else
			putc(*p, out);
}

const char *print_size(char text[PRINT_SIZE], uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double n = bytes;
	int u = -1;

	if (bytes < 1024) {
		snprintf(text, PRINT_SIZE, "%u B", (unsigned)bytes);
		return text;
	}
	for (; n >= 1024 && u < 5; u++)
		n /= 1024;
	snprintf(text, PRINT_SIZE, "%.*f %s", n < 100, n, units[u]);
	return text;
}

void print_signals(FILE *out, uint64_t mask)
{
	const char *space = "";

	putc('{', out);
	for (int sig = 1; sig <= 64; sig++) {
		const char *name = sigabbrev_np(sig);

		if (!(mask >> (sig - 1) & 1))
			continue;
		if (name)
			fprintf(out, "%s%s", space, name);
		else
			fprintf(out, "%s%d", space, sig);
		space = " ";
	}
	putc('}', out);
}
