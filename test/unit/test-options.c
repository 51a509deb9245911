// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line and configuration files. A script that was written for CRIU
 * must find every option of it: one that does the same, or a sentence that crl
 * does not have it; none may be taken for something else or pass unseen.
 */
#include <errno.h>
#include <limits.h>

#include "image/scratch.h"

#include "cmd/options.h"

static struct options o;

/* A copy is parsed: what was found points into it until the next call. */
static int parse(char **argv)
{
	static char *copy[64];
	int argc = 0;

	for (; argv[argc]; argc++)
		copy[argc] = argv[argc];
	copy[argc] = NULL;
	err.text[0] = '\0';
	return options_parse(&o, argc, copy, &err);
}

#define CHECK_TEXT(text, string) CU_ASSERT((text) && !strcmp(text, string))

#define ARGV(...)  ((char *[]){ "crl", __VA_ARGS__, NULL })
#define PARSE(...) parse(ARGV(__VA_ARGS__, "--no-default-config"))

/* As the last words of a command line. */
#define PARSE_LAST(...) parse(ARGV("--no-default-config", __VA_ARGS__))

static void defaults(void)
{
	CHECK_OK(parse(ARGV("--no-default-config")));
	CU_ASSERT_PTR_NULL(o.command);
	CU_ASSERT_PTR_NULL(o.tree);
	CU_ASSERT_PTR_NULL(o.images_dir);
	CU_ASSERT_PTR_NULL(o.exec_cmd);
	CU_ASSERT_EQUAL(o.arguments, 0);
	CU_ASSERT_EQUAL(o.action_scripts, 0);
	CU_ASSERT_EQUAL(o.verbosity, 2);
	CU_ASSERT_EQUAL(o.timeout, 0);
	CU_ASSERT_EQUAL(o.status_fd, -1);
	CU_ASSERT_EQUAL(o.ghost_limit, 1 << 20);
	CU_ASSERT_FALSE(o.leave_running || o.leave_stopped || o.shell_job || o.progress);
	CU_ASSERT_FALSE(o.no_progress || o.restore_detached || o.json || o.has_exec_cmd);
}

/* Long names, once with the value joined and once behind. */
static void long_values(void)
{
	static const struct {
		const char *name;
		const char **at;
	} texts[] = {
		{ "--tree", &o.tree },
		{ "--images-dir", &o.images_dir },
		{ "--work-dir", &o.work_dir },
		{ "--log-file", &o.log_file },
		{ "--pidfile", &o.pidfile },
		{ "--freeze-cgroup", &o.freeze_cgroup },
		{ "--discover", &o.discover },
		{ "--feature", &o.feature },
		{ "--file-validation", &o.file_validation },
	};
	char joined[64];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		snprintf(joined, sizeof(joined), "%s=a=b", texts[i].name);
		CHECK_OK(PARSE("dump", joined));
		CHECK_TEXT(*texts[i].at, "a=b");
		CHECK_OK(PARSE((char *)texts[i].name, "--x", "dump"));
		CHECK_TEXT(*texts[i].at, "--x");
		CHECK_TEXT(o.command, "dump");
		snprintf(joined, sizeof(joined), "%s=", texts[i].name);
		CHECK_OK(PARSE(joined));
		CHECK_TEXT(*texts[i].at, "");
	}
	CHECK_OK(PARSE("--status-fd=7", "--timeout", "30", "--ghost-limit=5M"));
	CU_ASSERT_EQUAL(o.status_fd, 7);
	CU_ASSERT_EQUAL(o.timeout, 30);
	CU_ASSERT_EQUAL(o.ghost_limit, 5 << 20);
	CHECK_OK(PARSE("--images-dir", "one", "--images-dir=two"));
	CHECK_TEXT(o.images_dir, "two");
}

/* Flags go on, and off again by their --no- form; the last one counts. */
static void long_flags(void)
{
	static const struct {
		const char *name;
		const bool *at;
	} flags[] = {
		{ "leave-running", &o.leave_running },
		{ "leave-stopped", &o.leave_stopped },
		{ "restore-detached", &o.restore_detached },
		{ "daemon", &o.restore_detached },
		{ "restore-sibling", &o.restore_sibling },
		{ "shell-job", &o.shell_job },
		{ "progress", &o.progress },
		{ "dry-run", &o.dry_run },
		{ "json", &o.json },
		{ "all", &o.all },
		{ "display-stats", &o.display_stats },
		{ "skip-file-rwx-check", &o.skip_file_rwx_check },
		{ "help", &o.help },
		{ "version", &o.version },
	};
	char on[64], off[64], value[64];

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		snprintf(on, sizeof(on), "--%s", flags[i].name);
		snprintf(off, sizeof(off), "--no-%s", flags[i].name);
		snprintf(value, sizeof(value), "--%s=1", flags[i].name);
		CHECK_OK(PARSE(on));
		CU_ASSERT_TRUE(*flags[i].at);
		CHECK_OK(PARSE(on, off));
		CU_ASSERT_FALSE(*flags[i].at);
		CHECK_OK(PARSE(off, on));
		CU_ASSERT_TRUE(*flags[i].at);
		CHECK_FAILS(PARSE(value), EINVAL, "takes no value");
	}
	CHECK_OK(PARSE("--no-progress"));
	CU_ASSERT_TRUE(o.no_progress);
	CHECK_OK(PARSE("--no-progress", "--progress"));
	CU_ASSERT_FALSE(o.no_progress);
	CHECK_FAILS(PARSE("--no-tree"), EINVAL, "unknown option --no-tree");
	CHECK_FAILS(PARSE("--no-verbosity"), EINVAL, "unknown option --no-verbosity");
	CHECK_FAILS(PARSE("--no-exec-cmd"), EINVAL, "unknown option --no-exec-cmd");
}

/* -tPID, -t PID, and letters in a row of which the last may take a value. */
static void short_forms(void)
{
	CHECK_OK(PARSE("dump", "-t", "5", "-Ddir", "-W", "work", "-olog", "-Rsj"));
	CHECK_TEXT(o.tree, "5");
	CHECK_TEXT(o.images_dir, "dir");
	CHECK_TEXT(o.work_dir, "work");
	CHECK_TEXT(o.log_file, "log");
	CU_ASSERT_TRUE(o.leave_running && o.leave_stopped && o.shell_job);
	CU_ASSERT_FALSE(o.restore_detached || o.restore_sibling || o.help || o.version);
	CHECK_OK(PARSE("restore", "-dSvhVDdir", "word"));
	CU_ASSERT_TRUE(o.restore_detached && o.restore_sibling && o.help && o.version);
	CU_ASSERT_EQUAL(o.verbosity, 3);
	CHECK_TEXT(o.images_dir, "dir");
	CHECK_TEXT(o.argument[0], "word");
	CHECK_OK(PARSE("-Rt", "-7"));
	CHECK_TEXT(o.tree, "-7");
	CHECK_OK(PARSE("dump", "-")); /* a word like any other */
	CHECK_TEXT(o.argument[0], "-");
}

static void verbosity(void)
{
	static const struct {
		char *option;
		int level;
	} levels[] = { { "-v", 3 }, { "-vv", 4 }, { "-v0", 0 }, { "-v4", 4 },
		{ "--verbosity", 3 }, { "--verbosity=1", 1 }, { "-Rv4", 4 } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		CHECK_OK(PARSE(levels[i].option));
		CU_ASSERT_EQUAL(o.verbosity, levels[i].level);
	}
	CHECK_OK(PARSE("-v", "-v", "-v"));
	CU_ASSERT_EQUAL(o.verbosity, 5);
	CHECK_OK(PARSE("-v0", "-v"));
	CU_ASSERT_EQUAL(o.verbosity, 1);
	CHECK_FAILS(PARSE("-v4x"), EINVAL, "'4x' is not a number");
	CHECK_FAILS(PARSE("--verbosity=high"), EINVAL, "'high' is not a number");
	CHECK_FAILS(PARSE("--verbosity="), EINVAL, "'' is not a number");
}

static void words(void)
{
	char *many[] = { "crl", "show", "1", "2", "3", "4", "5", "6", "7", "8", "9",
		NULL };

	CHECK_OK(PARSE("-R", "show", "--json", "dir", "-s", "core-5"));
	CHECK_TEXT(o.command, "show");
	CU_ASSERT_EQUAL(o.arguments, 2);
	CHECK_TEXT(o.argument[0], "dir");
	CHECK_TEXT(o.argument[1], "core-5");
	CHECK_FAILS(parse(many), EINVAL, "too many arguments: 9");
	many[10] = "--no-default-config";
	CHECK_OK(parse(many));
	CU_ASSERT_EQUAL(o.arguments, 8);
}

/* Behind "--" is a command of its own. */
static void exec_cmd(void)
{
	CHECK_OK(PARSE_LAST("restore", "--exec-cmd", "-d", "--", "prog", "-x", "--tree"));
	CU_ASSERT_TRUE(o.has_exec_cmd);
	CU_ASSERT_TRUE(o.restore_detached);
	CU_ASSERT_PTR_NULL(o.tree);
	CHECK_TEXT(o.exec_cmd[0], "prog");
	CHECK_TEXT(o.exec_cmd[2], "--tree");
	CU_ASSERT_PTR_NULL(o.exec_cmd[3]);
	CHECK_OK(PARSE_LAST("restore", "--exec-cmd", "--"));
	CU_ASSERT_PTR_NULL(o.exec_cmd[0]);
	CHECK_FAILS(PARSE("--exec-cmd=prog"), EINVAL, "--exec-cmd takes no value");
}

static void scripts(void)
{
	char *argv[2 * ACTION_SCRIPTS_MAX + 5] = { "crl", "--no-default-config" };
	char name[ACTION_SCRIPTS_MAX + 1][16];
	int argc = 2;

	for (int i = 0; i <= ACTION_SCRIPTS_MAX; i++) {
		if (i == ACTION_SCRIPTS_MAX)
			CHECK_OK(parse(argv));
		snprintf(name[i], sizeof(name[i]), "s%d", i);
		argv[argc++] = "--action-script";
		argv[argc++] = name[i];
	}
	CU_ASSERT_EQUAL(o.action_scripts, ACTION_SCRIPTS_MAX);
	CHECK_TEXT(o.action_script[0], "s0");
	CHECK_TEXT(o.action_script[ACTION_SCRIPTS_MAX - 1], "s15");
	CHECK_FAILS(parse(argv), EINVAL, "more than 16 action scripts");
}

static void unknown(void)
{
	CHECK_FAILS(PARSE("--bogus"), EINVAL, "unknown option --bogus;");
	CHECK_FAILS(PARSE("--bogus=5"), EINVAL, "unknown option --bogus=5;");
	CHECK_FAILS(PARSE("--tre", "5"), EINVAL, "unknown option --tre;");
	CHECK_FAILS(PARSE("--trees=5"), EINVAL, "unknown option --trees=5;");
	CHECK_FAILS(PARSE("--Tree=5"), EINVAL, "unknown option --Tree=5;");
	CHECK_FAILS(PARSE("--=5"), EINVAL, "unknown option --=5;");
	CHECK_FAILS(PARSE("--no-"), EINVAL, "unknown option --no-;");
	CHECK_FAILS(PARSE("--no-no-json"), EINVAL, "unknown option --no-no-json;");
	CHECK_FAILS(PARSE("-Rq"), EINVAL, "unknown option -q;");
	CHECK_FAILS(PARSE("-7"), EINVAL, "unknown option -7;");
}

static void missing_values(void)
{
	static char *const letters[] = { "-t", "-D", "-W", "-o", "-Rt" };
	static char *const names[] = { "--tree", "--images-dir", "--work-dir",
		"--log-file", "--pidfile", "--status-fd", "--timeout", "--ghost-limit",
		"--action-script", "--config", "--freeze-cgroup", "--feature" };
	char words[64];

	for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
		CHECK_FAILS(PARSE_LAST(letters[i]), EINVAL, "needs a value");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(words, sizeof(words), "%s needs a value", names[i]);
		CHECK_FAILS(PARSE_LAST(names[i]), EINVAL, words);
	}
}

static void numbers(void)
{
	static char *const bad[] = { "", "x", "5x", "-1", "2147483648", "0x10", "1.5",
		"99999999999999999999" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		CHECK_FAILS(PARSE("--timeout", bad[i]), EINVAL, "is not a number");
		CHECK_FAILS(PARSE("--status-fd", bad[i]), EINVAL, bad[i]);
	}
	CHECK_OK(PARSE("--timeout=2147483647", "--status-fd=0"));
	CU_ASSERT_EQUAL(o.timeout, INT_MAX);
	CU_ASSERT_EQUAL(o.status_fd, 0);
}

static void sizes(void)
{
	static const struct {
		char *text;
		uint64_t size;
	} good[] = { { "0", 0 }, { "4096", 4096 }, { "1K", 1 << 10 }, { "2k", 2 << 10 },
		{ "3M", 3 << 20 }, { "4m", 4 << 20 }, { "5G", 5ull << 30 },
		{ "6g", 6ull << 30 }, { "18446744073709551615", UINT64_MAX },
		{ "17179869183G", UINT64_MAX >> 30 << 30 } };
	static char *const bad[] = { "", "K", "-1", " 1", "1T", "1KB", "1 K", "0x10",
		"18446744073709551616", "17179869184G", "18014398509481984K" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CHECK_OK(PARSE("--ghost-limit", good[i].text));
		CU_ASSERT_EQUAL(o.ghost_limit, good[i].size);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_FAILS(PARSE("--ghost-limit", bad[i]), EINVAL, "is not a size");
}

static int pid_of(char *text)
{
	pid_t pid = -1;
	int ret;

	CHECK_OK(PARSE("-t", text));
	ret = options_pid(&o, &pid, &err);
	CU_ASSERT_EQUAL(ret ? -1 : pid, pid);
	return ret ? ret : pid;
}

static void pids(void)
{
	pid_t pid;

	CU_ASSERT_EQUAL(pid_of("1"), 1);
	CU_ASSERT_EQUAL(pid_of("4194303"), 4194303);
	CHECK_FAILS(pid_of("0"), EINVAL, "-t 0: not a pid");
	CHECK_FAILS(pid_of("-5"), EINVAL, "not a pid");
	CHECK_FAILS(pid_of(""), EINVAL, "not a pid");
	CHECK_FAILS(pid_of("12a"), EINVAL, "-t 12a: not a pid");
	CHECK_FAILS(pid_of("4294967297"), EINVAL, "not a pid");
	CHECK_FAILS(pid_of("99999999999999999999"), EINVAL, "not a pid");
	CHECK_OK(PARSE("dump"));
	CHECK_FAILS(options_pid(&o, &pid, &err), EINVAL, "pass -t PID");
}

/* Options of CRIU that change nothing here, and those that crl does not have. */
static void of_criu(void)
{
	static char *const harmless[] = { "--log-pid", "--ghost-fiemap",
		"--evasive-devices", "--force-irmap", "--extra", "--experimental",
		"--weak-sysctls", "--mntns-compat-mode", "--deprecated" };
	static char *const flags[] = { "--link-remap", "--tcp-established",
		"--ext-unix-sk", "--track-mem", "--auto-dedup", "--page-server",
		"--lazy-pages", "--stream", "--tcp-close", "--skip-in-flight",
		"--unprivileged", "--allow-uprobes", "--tls", "--enable-external-sharing",
		"--enable-external-masters", "--tls-no-cn-verify", "-x", "-x5" };
	static char *const values[] = { "--root", "--libdir", "--external", "--join-ns",
		"--empty-ns", "--inherit-fd", "--veth-pair", "--ext-mount-map",
		"--skip-mnt", "--enable-fs", "--close", "--cgroup-root", "--cgroup-props",
		"--cgroup-props-file", "--cgroup-dump-controller", "--cgroup-yard",
		"--lsm-profile", "--lsm-mount-context", "--prev-images-dir",
		"--pre-dump-mode", "--address", "--port", "--ps-socket",
		"--irmap-scan-path", "--network-lock", "--manage-cgroups", "--cpu-cap",
		"--tls-cacert", "--tls-cacrl", "--tls-cert", "--tls-key", "-r", "-L",
		"-J", "-M" };

	for (size_t i = 0; i < sizeof(harmless) / sizeof(*harmless); i++)
		CHECK_OK(PARSE(harmless[i], "dump"));
	CHECK_TEXT(o.command, "dump");
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		CHECK_FAILS(PARSE(flags[i]), EOPNOTSUPP, "crl does not have yet");
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		CHECK_FAILS(
			PARSE(values[i], "value"), EOPNOTSUPP, "crl does not have yet");
	CHECK_FAILS(PARSE("--tcp-close"), EOPNOTSUPP, "--tcp-close is an option of CRIU");
	CHECK_OK(PARSE("--no-tcp-close", "--no-log-pid"));
	CHECK_FAILS(PARSE_LAST("--manage-cgroups"), EOPNOTSUPP, "crl does not have yet");
	CHECK_FAILS(PARSE("--ext-unix-sk=5"), EOPNOTSUPP, "crl does not have yet");
}

int main(void)
{
	static const struct test tests[] = {
		{ "defaults", defaults },
		{ "long options with values", long_values },
		{ "long flags", long_flags },
		{ "short forms", short_forms },
		{ "verbosity", verbosity },
		{ "words", words },
		{ "command to execute", exec_cmd },
		{ "action scripts", scripts },
		{ "unknown options", unknown },
		{ "missing values", missing_values },
		{ "numbers", numbers },
		{ "sizes", sizes },
		{ "pids", pids },
		{ "options of CRIU", of_criu },
	};

	unsetenv("CRIU_CONFIG_FILE");
	return RUN_TESTS("options", tests);
}
