/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command line. Names and meanings are CRIU's where CRIU has the option, so
 * that a script written for it runs with crl. One table in options.c has them all.
 */
#ifndef CRL_CMD_OPTIONS_H
#define CRL_CMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "task/known.h"

struct err;

#define ACTION_SCRIPTS_MAX 16

struct options {
	const char *command;
	const char *argument[8]; /* what follows the command */
	unsigned arguments;
	char **exec_cmd; /* what follows "--" */

	const char *tree;	/* -t */
	const char *images_dir; /* -D */
	const char *work_dir;	/* -W */
	const char *log_file;	/* -o */
	const char *pidfile;
	const char *freeze_cgroup, *discover, *inspect, *file_validation;
	const char *action_script[ACTION_SCRIPTS_MAX];
	unsigned action_scripts;
	const char *feature;
	const char *config;
	int verbosity, timeout, status_fd;
	uint64_t ghost_limit;
	bool leave_running, leave_stopped, restore_detached, restore_sibling, shell_job;
	bool display_stats, progress, no_progress, dry_run, json, all, has_exec_cmd;
	bool no_default_config, skip_file_rwx_check, help, version;
};

/* Parse configuration files and the command line; later wins. EINVAL with a sentence. */
int options_parse(struct options *o, int argc, char **argv, struct err *err);

/* The number of an option like -t; must be a pid. */
int options_pid(const struct options *o, pid_t *pid, struct err *err);

/* The word of --inspect, INSPECT_AUTO without one. */
int options_inspect(const struct options *o, enum inspect *how, struct err *err);

#endif
