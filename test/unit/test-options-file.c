// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration files of options: what a line may be, which files are read, and
 * that the command line has the last word.
 */
#include <errno.h>

#include "image/scratch.h"

#include "cmd/options.h"

/* Values from files live as long as the program: nobody frees them. */
const char *__asan_default_options(void);

__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static struct options o;
static char path[128];

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

#define PARSE(...) parse((char *[]){ "crl", __VA_ARGS__, NULL })

/* A file of the scratch directory; its path stays until the next call. */
static char *write_file(const char *name, const char *text)
{
	put_file(name, text, strlen(text), 0);
	set_length(name, strlen(text));
	snprintf(path, sizeof(path), "%s/%s", scratch_path, name);
	return path;
}

static int parse_file(const char *text)
{
	return PARSE("dump", "--config", write_file("conf", text));
}

static void lines(void)
{
	CHECK_OK(parse_file("# options\n"
			    "\n"
			    "  \t \n"
			    "leave-running\n"
			    "\tshell-job   # as always\n"
			    "images-dir dir # here\n"
			    "log-file\t  log.txt\r\n"
			    "work-dir \"my \\\"work\\\" # directory\" # quoted\n"
			    "ghost-limit 64K\n"
			    "verbosity 4\n"
			    "log-pid\n"
			    "#timeout 5\n"
			    "action-script one\n"
			    "action-script two\n"
			    "json"));
	CU_ASSERT_TRUE(o.leave_running && o.shell_job && o.json);
	CHECK_TEXT(o.images_dir, "dir");
	CHECK_TEXT(o.log_file, "log.txt");
	CHECK_TEXT(o.work_dir, "my \"work\" # directory");
	CU_ASSERT_EQUAL(o.ghost_limit, 64 << 10);
	CU_ASSERT_EQUAL(o.verbosity, 4);
	CU_ASSERT_EQUAL(o.timeout, 0);
	CU_ASSERT_EQUAL(o.action_scripts, 2);
	CHECK_TEXT(o.action_script[1], "two");
	CHECK_TEXT(o.command, "dump");
	CHECK_OK(parse_file(""));
	CHECK_OK(parse_file("leave-running\nno-leave-running\nno-tcp-close\n"));
	CU_ASSERT_FALSE(o.leave_running);
}

/* The sentence says where it is: file and line. */
static void bad_lines(void)
{
	static const struct {
		const char *text, *says;
		int code;
	} bad[] = {
		{ "json\nbogus\n", "/conf:2: unknown option bogus", EINVAL },
		{ "\n\n--json\n", "/conf:3: unknown option --json", EINVAL },
		{ "verbosity=4\n", "/conf:1: unknown option verbosity=4", EINVAL },
		{ "tree", "/conf:1: tree needs a value", EINVAL },
		{ "tree  # none\n", "/conf:1: tree needs a value", EINVAL },
		{ "leave-running yes\n", "/conf:1: leave-running takes no value",
			EINVAL },
		{ "timeout soon\n", "--timeout: 'soon' is not a number", EINVAL },
		{ "ghost-limit 1Q\n", "--ghost-limit: '1Q' is not a size", EINVAL },
		{ "tcp-established\n", "--tcp-established is an option of CRIU",
			EOPNOTSUPP },
		{ "external mnt[]\n", "--external is an option of CRIU", EOPNOTSUPP },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_FAILS(parse_file(bad[i].text), bad[i].code, bad[i].says);
}

static void last_word(void)
{
	char *conf = write_file("conf", "verbosity 4\nleave-running\nimages-dir a\n"
					"action-script one\nprogress\n");

	CHECK_OK(PARSE("--config", conf, "-v1", "-D", "b", "--no-leave-running",
		"--action-script", "two", "--no-progress"));
	CU_ASSERT_EQUAL(o.verbosity, 1);
	CHECK_TEXT(o.images_dir, "b");
	CU_ASSERT_FALSE(o.leave_running);
	CU_ASSERT_EQUAL(o.action_scripts, 2);
	CHECK_TEXT(o.action_script[0], "one");
	CHECK_TEXT(o.action_script[1], "two");
	CU_ASSERT_FALSE(o.progress);
	CU_ASSERT_TRUE(o.no_progress);
	CHECK_OK(PARSE("--config", conf));
	CU_ASSERT_EQUAL(o.verbosity, 4);
	CHECK_TEXT(o.images_dir, "a");
}

/* What is asked for by name must be there; the files of system and user need not. */
static void not_there(void)
{
	char words[160];

	snprintf(path, sizeof(path), "%s/none", scratch_path);
	snprintf(words, sizeof(words), "%s: %s", path, strerror(ENOENT));
	CHECK_FAILS(PARSE("--config", path), ENOENT, words);
	CHECK_FAILS(PARSE("--no-default-config", "--config", path), ENOENT, words);
	setenv("CRIU_CONFIG_FILE", path, 1);
	CHECK_FAILS(PARSE("--no-default-config"), ENOENT, words);
	unsetenv("CRIU_CONFIG_FILE");
	CHECK_OK(PARSE("--no-default-config"));
	CHECK_FAILS(PARSE("--config="), ENOENT, strerror(ENOENT));
	/* what is wrong on the command line is said first */
	CHECK_FAILS(PARSE("--config", path, "--bogus"), EINVAL, "--bogus");
}

static void by_environment(void)
{
	char other[128];

	strcpy(other, write_file("other", "verbosity 4\nimages-dir env\n"));
	write_file("conf", "images-dir conf\n");
	setenv("CRIU_CONFIG_FILE", other, 1);
	CHECK_OK(PARSE("--no-default-config"));
	CHECK_TEXT(o.images_dir, "env");
	CHECK_OK(PARSE("--config", path));
	CHECK_TEXT(o.images_dir, "conf");
	CU_ASSERT_EQUAL(o.verbosity, 4);
	unsetenv("CRIU_CONFIG_FILE");
}

/* The file of the user; not read with --no-default-config, nor with --config. */
static void of_user(void)
{
	char *conf;

	if (!access("/etc/criu/default.conf", F_OK))
		return puts("\n    this machine has its own /etc/criu/default.conf"),
		       (void)0;
	if (mkdirat(scratch, ".criu", 0700))
		abort();
	write_file(".criu/default.conf", "timeout 7\n");
	conf = write_file("conf", "json\n");
	setenv("HOME", scratch_path, 1);
	CHECK_OK(PARSE("dump"));
	CU_ASSERT_EQUAL(o.timeout, 7);
	CHECK_OK(PARSE("dump", "--no-default-config"));
	CU_ASSERT_EQUAL(o.timeout, 0);
	CHECK_OK(PARSE("dump", "--config", conf));
	CU_ASSERT_EQUAL(o.timeout, 0);
	CU_ASSERT_TRUE(o.json);
	setenv("CRIU_CONFIG_FILE", conf, 1);
	CHECK_OK(PARSE("dump"));
	CU_ASSERT_EQUAL(o.timeout, 7);
	CU_ASSERT_TRUE(o.json);
	unsetenv("CRIU_CONFIG_FILE");
	unsetenv("HOME");
	CHECK_OK(PARSE("dump"));
	CU_ASSERT_EQUAL(o.timeout, 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "lines", lines },
		{ "bad lines", bad_lines },
		{ "the command line has the last word", last_word },
		{ "files that are not there", not_there },
		{ "file named by the environment", by_environment },
		{ "file of the user", of_user },
	};

	unsetenv("CRIU_CONFIG_FILE");
	return RUN_TESTS("options in files", tests);
}
