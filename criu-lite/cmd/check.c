// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl check: what this kernel, machine and user can do (features.c); with -t
 * PID what stands in the way of a dump; with -D DIR whether a dump is sound.
 */
#include <errno.h>
#include <stdio.h>

#include "cmd/check.h"
#include "cmd/cmd.h"
#include "cmd/features.h"
#include "cmd/json.h"
#include "cmd/options.h"
#include "crl/err.h"

static int run(const struct options *o, struct err *err)
{
	struct json j = { .out = stdout };

	if (o->tree)
		return check_tree(o, err);
	if (o->images_dir)
		return check_dump(o, err);
	if (o->feature)
		return feature_show(o->feature, err);
	return features_show(o->all, o->json ? &j : NULL);
}

int cmd_check(const struct options *o, struct err *err)
{
	int ret;

	if (o->arguments)
		return err_set(err, EINVAL, "unexpected argument %s", o->argument[0]);
	if ((o->tree != NULL) + (o->images_dir != NULL) + (o->feature != NULL) > 1)
		return err_set(err, EINVAL, "-t, -D and --feature exclude each other");
	ret = run(o, err);
	if (ret >= 0 && (fflush(stdout) || ferror(stdout)))
		return err_os(err, errno, "write to the standard output");
	return ret;
}
