// SPDX-License-Identifier: GPL-2.0-only
/* crl: picks a command, and prints the one line of a failure. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "crl/err.h"
#include "version.h"

static const struct command commands[] = {
	{ "dump", cmd_dump, "dump -t PID -D DIR      checkpoint a process tree" },
	{ "restore", cmd_restore, "restore -D DIR          bring it back" },
	{ "check", cmd_check,
		"check [-t PID | -D DIR] what is possible here, of a tree, of a dump" },
	{ "show", cmd_show, "show DIR [PID|IMAGE]    what is in a dump" },
#ifdef CRL_FAULTS
	{ "faults", cmd_faults, "faults                  what CRL_FAULT may name" },
#endif
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fprintf(out, "usage: crl COMMAND [options]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  crl %s\n", commands[i].summary);
	fprintf(out, "\nThe manual page crl(8) has all options.\n");
}

static int run(const struct options *o, struct err *err)
{
	int ret;

	if (!o->command)
		return err_set(err, EINVAL, "no command given; crl --help lists them");
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, o->command))
			continue;
		ret = commands[i].run(o, err);
		return ret < 0 ? err_in(err, ret, "%s", o->command) : ret;
	}
	return err_set(
		err, EINVAL, "unknown command %s; crl --help lists them", o->command);
}

/*
 * Children and traced tasks are waited for, and their stops are no news: without
 * SA_NOCLDSTOP each would also send us a signal. Whoever started us may have had
 * SIGCHLD ignored, which would reap children before we see them.
 */
static void hear_of_children(void)
{
	const struct sigaction sa = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };

	sigaction(SIGCHLD, &sa, NULL);
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	struct options o;
	int ret = options_parse(&o, argc, argv, &err);

	if (!ret && o.help) {
		usage(stdout);
		return 0;
	}
	if (!ret && o.version) {
		printf("Version: %s\n", CRL_VERSION);
		return 0;
	}
	hear_of_children();
	if (!ret)
		ret = run(&o, &err);
	if (ret < 0) {
		fprintf(stderr, "crl: %s\n", err.text);
		return 1;
	}
	return ret;
}
