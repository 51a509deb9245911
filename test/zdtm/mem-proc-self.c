// SPDX-License-Identifier: GPL-2.0-only
/*
 * What /proc says of a task's own layout: code, data, heap, stack, argument
 * and environment areas (with a title written over them), the auxiliary
 * vector, the program and its name.
 */
#include "zdtm.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct self {
	unsigned long long stat[52]; /* by the numbers of proc(5) */
	char cmdline[1024], environ[4096], auxv[1024], exe[1024], comm[32];
	size_t cmdline_len, environ_len, auxv_len;
};

/* startcode endcode startstack, start_data end_data start_brk arg_start .. env_end */
static const int fields[] = { 26, 27, 28, 45, 46, 47, 48, 49, 50, 51 };

static void copy(const char *path, char *to, size_t size, size_t *len)
{
	const char *text = test_read_file(path, len);

	if (!text) {
		fail("%s: %m", path);
		exit(1);
	}
	*len = *len < size ? *len : size;
	memcpy(to, text, *len);
}

static void look(struct self *s)
{
	const char *text = test_read_file("/proc/self/stat", NULL);
	size_t len;

	text = text ? strrchr(text, ')') + 2 : "";
	for (int i = 3; i < 52 && text; i++) {
		s->stat[i] = strtoull(text, NULL, 10);
		text = strchr(text, ' ');
		text += !!text;
	}
	copy("/proc/self/cmdline", s->cmdline, sizeof(s->cmdline), &s->cmdline_len);
	copy("/proc/self/environ", s->environ, sizeof(s->environ), &s->environ_len);
	copy("/proc/self/auxv", s->auxv, sizeof(s->auxv), &s->auxv_len);
	copy("/proc/self/comm", s->comm, sizeof(s->comm), &len);
	must(readlink("/proc/self/exe", s->exe, sizeof(s->exe) - 1));
}

int main(int argc, char **argv)
{
	static struct self was, is;
	char *arg_end = argv[argc - 1] + strlen(argv[argc - 1]);

	test_init(argc, argv);
	memset(argv[0], 0, arg_end - argv[0]);
	snprintf(argv[0], arg_end - argv[0], "zdtm: %s", "a title");
	must(prctl(PR_SET_NAME, "nom d'un) chien"));
	look(&was);
	test_daemon();
	test_waitsig();
	sabotage("title", argv[0][0] = 'Z');
	sabotage("comm", prctl(PR_SET_NAME, "other"));
	sabotage("env", environ[0][0]++);
	look(&is);
	sabotage("stat", is.stat[26] += 4096);
	sabotage("auxv", is.auxv[8]++);
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (is.stat[fields[i]] != was.stat[fields[i]])
			return fail("field %d of stat is %#llx, was %#llx", fields[i],
				is.stat[fields[i]], was.stat[fields[i]]);
	if (is.cmdline_len != was.cmdline_len ||
		memcmp(is.cmdline, was.cmdline, is.cmdline_len))
		return fail("cmdline is %s, was %s", is.cmdline, was.cmdline);
	if (is.environ_len != was.environ_len ||
		memcmp(is.environ, was.environ, is.environ_len))
		return fail("environ differs");
	if (is.auxv_len != was.auxv_len || memcmp(is.auxv, was.auxv, is.auxv_len))
		return fail("auxv differs");
	if (strcmp(is.exe, was.exe) || strcmp(is.comm, was.comm))
		return fail("program %s (%s), was %s (%s)", is.exe, is.comm, was.exe,
			was.comm);
	pass();
	return 0;
}
