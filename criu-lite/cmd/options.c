// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing of options: one row an option. A row says where its value goes; rows
 * of CRIU options that crl does not have say so by name, instead of being
 * ignored: an option that a script relies on is never dropped silently.
 *
 * Configuration files have one long option a line, without the dashes. They are
 * read before the command line: the system's, the user's, the one named by
 * CRIU_CONFIG_FILE, the one given by --config.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/options.h"
#include "crl/err.h"

enum kind {
	FLAG,	 /* bool; with a --no- form */
	TEXT,	 /* const char * */
	NUMBER,	 /* int */
	SIZE,	 /* uint64_t, with K, M, G */
	VERBOSE, /* -v, -vv, -v4, --verbosity=4 */
	SCRIPT,	 /* may repeat */
	COMMAND, /* --exec-cmd */
	IGNORED, /* a flag that changes nothing in crl; the row's text says why it is safe
		  */
	MISSING_FLAG, /* CRIU has it, crl does not */
	MISSING_VALUE,
};

struct row {
	const char *name;
	char letter;
	enum kind kind;
	size_t offset;
};

#define AT(field) offsetof(struct options, field)

static const struct row rows[] = {
	{ "tree", 't', TEXT, AT(tree) },
	{ "images-dir", 'D', TEXT, AT(images_dir) },
	{ "work-dir", 'W', TEXT, AT(work_dir) },
	{ "log-file", 'o', TEXT, AT(log_file) },
	{ "verbosity", 'v', VERBOSE, AT(verbosity) },
	{ "leave-running", 'R', FLAG, AT(leave_running) },
	{ "leave-stopped", 's', FLAG, AT(leave_stopped) },
	{ "restore-detached", 'd', FLAG, AT(restore_detached) },
	{ "daemon", 0, FLAG, AT(restore_detached) },
	{ "restore-sibling", 'S', FLAG, AT(restore_sibling) },
	{ "shell-job", 'j', FLAG, AT(shell_job) },
	{ "pidfile", 0, TEXT, AT(pidfile) },
	{ "status-fd", 0, NUMBER, AT(status_fd) },
	{ "action-script", 0, SCRIPT, 0 },
	{ "exec-cmd", 0, COMMAND, AT(has_exec_cmd) },
	{ "timeout", 0, NUMBER, AT(timeout) },
	{ "freeze-cgroup", 0, TEXT, AT(freeze_cgroup) },
	{ "discover", 0, TEXT, AT(discover) },
	{ "inspect", 0, TEXT, AT(inspect) },
	{ "progress", 0, FLAG, AT(progress) },
	{ "dry-run", 0, FLAG, AT(dry_run) },
	{ "json", 0, FLAG, AT(json) },
	{ "feature", 0, TEXT, AT(feature) },
	{ "all", 0, FLAG, AT(all) },
	{ "display-stats", 0, FLAG, AT(display_stats) },
	{ "ghost-limit", 0, SIZE, AT(ghost_limit) },
	{ "file-validation", 0, TEXT, AT(file_validation) },
	{ "skip-file-rwx-check", 0, FLAG, AT(skip_file_rwx_check) },
	{ "config", 0, TEXT, AT(config) },
	{ "no-default-config", 0, FLAG, AT(no_default_config) },
	{ "help", 'h', FLAG, AT(help) },
	{ "version", 'V', FLAG, AT(version) },
	/* crl always does this: */
	{ "file-locks", 'l', IGNORED,
		0 },		      /* a lock that cannot be had again is an error */
	{ "log-pid", 0, IGNORED, 0 }, /* one log has the lines of all */
	{ "ghost-fiemap", 0, IGNORED, 0 },    /* holes are found by SEEK_HOLE */
	{ "evasive-devices", 0, IGNORED, 0 }, /* devices are opened by their path */
	{ "force-irmap", 0, IGNORED, 0 },
	{ "extra", 0, IGNORED, 0 }, /* crl check shows all */
	{ "experimental", 0, IGNORED, 0 },
	{ "weak-sysctls", 0, IGNORED, 0 },
	{ "mntns-compat-mode", 0, IGNORED, 0 },
	{ "deprecated", 0, IGNORED, 0 },
	/* Not in crl: */
	{ "link-remap", 0, MISSING_FLAG, 0 },
	{ "tcp-established", 0, MISSING_FLAG, 0 },
	{ "ext-unix-sk", 'x', MISSING_FLAG, 0 },
	{ "track-mem", 0, MISSING_FLAG, 0 },
	{ "auto-dedup", 0, MISSING_FLAG, 0 },
	{ "page-server", 0, MISSING_FLAG, 0 },
	{ "lazy-pages", 0, MISSING_FLAG, 0 },
	{ "stream", 0, MISSING_FLAG, 0 },
	{ "tcp-close", 0, MISSING_FLAG, 0 },
	{ "skip-in-flight", 0, MISSING_FLAG, 0 },
	{ "unprivileged", 0, MISSING_FLAG, 0 },
	{ "allow-uprobes", 0, MISSING_FLAG, 0 },
	{ "tls", 0, MISSING_FLAG, 0 },
	{ "enable-external-sharing", 0, MISSING_FLAG, 0 },
	{ "enable-external-masters", 0, MISSING_FLAG, 0 },
	{ "root", 'r', MISSING_VALUE, 0 },
	{ "libdir", 'L', MISSING_VALUE, 0 },
	{ "external", 0, MISSING_VALUE, 0 },
	{ "join-ns", 'J', MISSING_VALUE, 0 },
	{ "empty-ns", 0, MISSING_VALUE, 0 },
	{ "inherit-fd", 0, MISSING_VALUE, 0 },
	{ "veth-pair", 0, MISSING_VALUE, 0 },
	{ "ext-mount-map", 'M', MISSING_VALUE, 0 },
	{ "skip-mnt", 0, MISSING_VALUE, 0 },
	{ "enable-fs", 0, MISSING_VALUE, 0 },
	{ "close", 0, MISSING_VALUE, 0 },
	{ "cgroup-root", 0, MISSING_VALUE, 0 },
	{ "cgroup-props", 0, MISSING_VALUE, 0 },
	{ "cgroup-props-file", 0, MISSING_VALUE, 0 },
	{ "cgroup-dump-controller", 0, MISSING_VALUE, 0 },
	{ "cgroup-yard", 0, MISSING_VALUE, 0 },
	{ "lsm-profile", 0, MISSING_VALUE, 0 },
	{ "lsm-mount-context", 0, MISSING_VALUE, 0 },
	{ "prev-images-dir", 0, MISSING_VALUE, 0 },
	{ "pre-dump-mode", 0, MISSING_VALUE, 0 },
	{ "address", 0, MISSING_VALUE, 0 },
	{ "port", 0, MISSING_VALUE, 0 },
	{ "ps-socket", 0, MISSING_VALUE, 0 },
	{ "irmap-scan-path", 0, MISSING_VALUE, 0 },
	{ "network-lock", 0, MISSING_VALUE, 0 },
	{ "manage-cgroups", 0, MISSING_VALUE, 0 },
	{ "cpu-cap", 0, MISSING_VALUE, 0 },
	{ "tls-cacert", 0, MISSING_VALUE, 0 },
	{ "tls-cacrl", 0, MISSING_VALUE, 0 },
	{ "tls-cert", 0, MISSING_VALUE, 0 },
	{ "tls-key", 0, MISSING_VALUE, 0 },
	{ "tls-no-cn-verify", 0, MISSING_FLAG, 0 },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool takes_value(enum kind kind)
{
	return kind == TEXT || kind == NUMBER || kind == SIZE || kind == SCRIPT ||
	       kind == MISSING_VALUE;
}

static bool missing(enum kind kind)
{
	return kind == MISSING_FLAG || kind == MISSING_VALUE;
}

/* Has it a --no- form? */
static bool can_be_off(enum kind kind)
{
	return kind == FLAG || kind == IGNORED || kind == MISSING_FLAG;
}

static const struct row *find_long(const char *name, size_t len, bool *no)
{
	*no = false;
	for (size_t i = 0; i < ROWS; i++)
		if (strlen(rows[i].name) == len && !memcmp(rows[i].name, name, len))
			return &rows[i];
	if (len > 3 && !memcmp(name, "no-", 3))
		for (size_t i = 0; i < ROWS; i++)
			if (strlen(rows[i].name) == len - 3 &&
				!memcmp(rows[i].name, name + 3, len - 3) &&
				can_be_off(rows[i].kind)) {
				*no = true;
				return &rows[i];
			}
	return NULL;
}

static const struct row *find_short(char letter)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].letter == letter)
			return &rows[i];
	return NULL;
}

static int parse_number(const struct row *r, const char *value, int *out, struct err *err)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (*value == '\0' || *end || n < 0 || n > INT_MAX)
		return err_set(err, EINVAL, "--%s: '%s' is not a number", r->name, value);
	*out = n;
	return 0;
}

static int parse_size(
	const struct row *r, const char *value, uint64_t *out, struct err *err)
{
	static const char units[] = "kKmMgG";
	char *end;
	unsigned long long n;
	const char *unit;
	int shift = 0;

	errno = 0;
	n = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit)
		shift = 10 * ((unit - units) / 2 + 1), end++;
	if (value[0] < '0' || value[0] > '9' || *end || errno || n > UINT64_MAX >> shift)
		return err_set(err, EINVAL,
			"--%s: '%s' is not a size (like 4096, 64K, 1M)", r->name, value);
	*out = (uint64_t)n << shift;
	return 0;
}

static int set_verbosity(
	const struct row *r, struct options *o, const char *value, struct err *err)
{
	if (!value) {
		o->verbosity = o->verbosity < 0 ? 3 : o->verbosity + 1;
		return 0;
	}
	return parse_number(r, value, &o->verbosity, err);
}

static int set_option(struct options *o, const struct row *r, const char *value, bool no,
	struct err *err)
{
	void *at = (char *)o + r->offset;

	switch (r->kind) {
	case FLAG:
		if (!strcmp(r->name, "progress"))
			o->no_progress = no;
		*(bool *)at = !no;
		return 0;
	case COMMAND:
		o->has_exec_cmd = true;
		return 0;
	case TEXT:
		*(const char **)at = value;
		return 0;
	case NUMBER:
		return parse_number(r, value, at, err);
	case SIZE:
		return parse_size(r, value, at, err);
	case VERBOSE:
		return set_verbosity(r, o, value, err);
	case SCRIPT:
		if (o->action_scripts == ACTION_SCRIPTS_MAX)
			return err_set(err, EINVAL, "more than %d action scripts",
				ACTION_SCRIPTS_MAX);
		o->action_script[o->action_scripts++] = value;
		return 0;
	case IGNORED:
		return 0;
	case MISSING_FLAG:
	case MISSING_VALUE:
		break;
	}
	if (no)
		return 0;
	return err_set(err, EOPNOTSUPP,
		"--%s is an option of CRIU that crl does not have yet; "
		"leave it out",
		r->name);
}

static int parse_long(struct options *o, char **argv, int *i, struct err *err)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const char *value = equals ? equals + 1 : NULL;
	bool no;
	const struct row *r = find_long(name, len, &no);

	if (!r)
		return err_set(err, EINVAL,
			"unknown option %s; the manual page crl(8) lists them", argv[*i]);
	if (missing(r->kind) && !no)
		return set_option(o, r, NULL, no, err);
	if (takes_value(r->kind) && !value) {
		value = argv[*i + 1];
		if (!value)
			return err_set(err, EINVAL, "--%s needs a value", r->name);
		(*i)++;
	}
	if (!takes_value(r->kind) && value && r->kind != VERBOSE)
		return err_set(err, EINVAL, "--%s takes no value", r->name);
	return set_option(o, r, value, no, err);
}

static int parse_short(struct options *o, char **argv, int *i, struct err *err)
{
	const char *p = argv[*i] + 1;
	int ret = 0;

	while (*p && !ret) {
		const struct row *r = find_short(*p++);

		if (!r)
			return err_set(err, EINVAL,
				"unknown option -%c; the manual page crl(8) lists them",
				p[-1]);
		if (r->kind == VERBOSE && *p >= '0' && *p <= '9')
			return set_option(o, r, p, false, err);
		if (!takes_value(r->kind)) {
			ret = set_option(o, r, NULL, false, err);
			continue;
		}
		if (!*p && !argv[*i + 1])
			return err_set(err, EINVAL, "-%c needs a value", r->letter);
		return set_option(o, r, *p ? p : argv[++*i], false, err);
	}
	return ret;
}

/* One line of a configuration file: "name", or "name value", maybe in quotes. */
static int config_line(
	struct options *o, char *line, const char *file, int number, struct err *err)
{
	char *name = line + strspn(line, " \t"), *value, *out, *in;
	const struct row *r;
	bool no;

	name[strcspn(name, "\r\n")] = '\0';
	if (!*name || *name == '#')
		return 0;
	value = name + strcspn(name, " \t");
	if (*value)
		*value++ = '\0';
	value += strspn(value, " \t");
	if (*value == '"') {
		for (in = out = ++value; *in && *in != '"'; in++) {
			if (in[0] == '\\' && in[1] == '"')
				in++;
			*out++ = *in;
		}
		*out = '\0';
	} else {
		value[strcspn(value, " \t#")] = '\0';
	}
	r = find_long(name, strlen(name), &no);
	if (!r)
		return err_set(
			err, EINVAL, "%s:%d: unknown option %s", file, number, name);
	if (takes_value(r->kind) && !*value)
		return err_set(
			err, EINVAL, "%s:%d: %s needs a value", file, number, name);
	if (!takes_value(r->kind) && r->kind != VERBOSE && *value)
		return err_set(
			err, EINVAL, "%s:%d: %s takes no value", file, number, name);
	if (r->kind == TEXT || r->kind == SCRIPT)
		value = strdup(value);
	return set_option(o, r, *value ? value : NULL, no, err);
}

static int config_file(struct options *o, const char *path, bool must, struct err *err)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0;
	int ret = 0;

	if (!f)
		return must || errno != ENOENT ? err_os(err, errno, "open %s", path) : 0;
	for (int number = 1; !ret && getline(&line, &cap, f) > 0; number++)
		ret = config_line(o, line, path, number, err);
	free(line);
	fclose(f);
	return ret;
}

/* Which files are read is itself decided by the command line: look at it first. */
static int parse_configs(struct options *o, const struct options *seen, struct err *err)
{
	const char *named = getenv("CRIU_CONFIG_FILE"), *home = getenv("HOME");
	char path[PATH_MAX];
	int ret = 0;

	if (!seen->no_default_config && !seen->config) {
		ret = config_file(o, "/etc/criu/default.conf", false, err);
		if (!ret && home) {
			snprintf(path, sizeof(path), "%s/.criu/default.conf", home);
			ret = config_file(o, path, false, err);
		}
	}
	if (!ret && named)
		ret = config_file(o, named, true, err);
	if (!ret && seen->config)
		ret = config_file(o, seen->config, true, err);
	return ret;
}

static void options_default(struct options *o)
{
	*o = (struct options){ .verbosity = -1, .status_fd = -1, .ghost_limit = 1 << 20 };
}

static int parse_line(struct options *o, int argc, char **argv, struct err *err)
{
	int ret = 0;

	for (int i = 1; i < argc && !ret; i++) {
		if (!strcmp(argv[i], "--")) {
			o->exec_cmd = argv + i + 1;
			break;
		}
		if (argv[i][0] == '-' && argv[i][1] == '-')
			ret = parse_long(o, argv, &i, err);
		else if (argv[i][0] == '-' && argv[i][1])
			ret = parse_short(o, argv, &i, err);
		else if (!o->command)
			o->command = argv[i];
		else if (o->arguments < sizeof(o->argument) / sizeof(o->argument[0]))
			o->argument[o->arguments++] = argv[i];
		else
			ret = err_set(err, EINVAL, "too many arguments: %s", argv[i]);
	}
	return ret;
}

int options_parse(struct options *o, int argc, char **argv, struct err *err)
{
	struct options seen;
	int ret;

	options_default(&seen);
	ret = parse_line(&seen, argc, argv, err);
	if (ret)
		return ret;
	options_default(o);
	ret = parse_configs(o, &seen, err);
	if (!ret)
		ret = parse_line(o, argc, argv, err);
	if (o->verbosity < 0)
		o->verbosity = 2;
	return ret;
}

int options_pid(const struct options *o, pid_t *pid, struct err *err)
{
	char *end;
	long n;

	if (!o->tree)
		return err_set(err, EINVAL, "which process tree? pass -t PID");
	n = strtol(o->tree, &end, 10);
	if (!*o->tree || *end || n <= 0 || n > INT_MAX)
		return err_set(err, EINVAL, "-t %s: not a pid", o->tree);
	*pid = n;
	return 0;
}

int options_inspect(const struct options *o, enum inspect *how, struct err *err)
{
	static const char *const names[] = {
		[INSPECT_AUTO] = "auto", [INSPECT_VISIT] = "visit", [INSPECT_BPF] = "bpf"
	};

	*how = INSPECT_AUTO;
	if (!o->inspect)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(o->inspect, names[i])) {
			*how = (enum inspect)i;
			return 0;
		}
	}
	return err_set(err, EINVAL, "--inspect %s: auto, visit or bpf", o->inspect);
}
