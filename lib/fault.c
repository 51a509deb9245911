// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Steps that fail on request: see crl/fault.h. Empty in normal builds.
 *
 * What strikes is read from the environment once. Several threads of a dump come
 * by at the same time; the steps of a point are counted over all of them, and one
 * number strikes once. A strike says so on standard error, so that a test knows a
 * point that was not passed from a step whose failure does no harm.
 */
#ifdef CRL_FAULTS
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/fault.h"

#define ERRNO_MAX 4095

static const struct {
	const char *name, *text;
} points[] = {
#define ROW(name, phase, text) { #name, text },
	FAULT_POINTS(ROW)
#undef ROW
};

/* What CRL_FAULT asks for. */
static struct {
	char name[64];
	long number;
	int code; /* 0: kill */
} plan;
static atomic_long passed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int errno_of(const char *name)
{
	for (int code = 1; code < ERRNO_MAX; code++) {
		const char *known = strerrorname_np(code);

		if (known && !strcmp(known, name))
			return code;
	}
	return strcmp(name, "kill") ? EIO : 0;
}

static void read_plan(void)
{
	const char *text = getenv("CRL_FAULT");
	char code[32] = "EIO";

	plan.number = 1;
	if (text)
		sscanf(text, "%63[^:]:%ld:%31s", plan.name, &plan.number, code);
	plan.code = errno_of(code);
}

static bool strike(const char *name)
{
	if (atomic_fetch_add(&passed, 1) + 1 != plan.number)
		return false;
	dprintf(STDERR_FILENO, "fault: %s\n", name);
	while (!plan.code)
		kill(getpid(), SIGKILL);
	errno = plan.code;
	return true;
}

int fault_strikes(enum fault_point point)
{
	pthread_once(&once, read_plan);
	return !strcmp(plan.name, points[point].name) && strike(plan.name);
}

int fault_strikes_call(const char *what)
{
	pthread_once(&once, read_plan);
	if (strncmp(plan.name, "CALL=", 5) || strcmp(plan.name + 5, what))
		return false;
	return strike(plan.name);
}

int fault_step(enum fault_point point, struct err *err)
{
	return err_os(err, errno, "%s", points[point].text);
}

/* One line each: name, phase, and what the message must contain. */
void fault_list(void)
{
#define POINT(name, phase, text) printf("%s\t%s\t%s\n", #name, #phase, text);
	FAULT_POINTS(POINT)
#undef POINT
#define CALL(what, phase) printf("CALL=%s\t%s\t%s\n", what, #phase, what);
	FAULT_CALLS(CALL)
#undef CALL
}
#endif
