// SPDX-License-Identifier: GPL-2.0-only
/*
 * The readers of /proc. The first line of an input names the reader, the rest is
 * the text. Tasks choose some of that text: their own name, names of files, the
 * command line. Whatever a reader takes out of a text must lie inside of it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crl/err.h"
#include "crl/proc/cgroup.h"
#include "crl/proc/children.h"
#include "crl/proc/fdinfo.h"
#include "crl/proc/limits.h"
#include "crl/proc/lock.h"
#include "crl/proc/mountinfo.h"
#include "crl/proc/smaps.h"
#include "crl/proc/stat.h"
#include "crl/proc/status.h"
#include "crl/proc/text.h"
#include "crl/proc/timers.h"

#define STEPS_MAX 100000 /* more lines than an input has bytes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_)
{
	if (!true_)
		abort();
}

static void inside(struct proc_text whole, struct proc_text part)
{
	must(!part.len || (part.s >= whole.s && part.len <= whole.len &&
				  part.s + part.len <= whole.s + whole.len));
}

static void decode(struct proc_text text, const char *escaped)
{
	char out[64];
	ssize_t n = proc_text_decode(text, escaped, out, sizeof(out));

	must(n < (ssize_t)sizeof(out) && (n < 0 || (size_t)n <= text.len));
	must(n < 0 || out[n] == '\0');
}

static void read_maps(struct proc_text text)
{
	struct err err = { 0 };
	struct proc_vma vma;
	struct smaps it;
	size_t len;
	int ret = 1;

	smaps_init(&it, text.s, text.len);
	for (int n = 0; ret > 0; n++) {
		must(n < STEPS_MAX);
		ret = smaps_next(&it, &vma, &err);
		if (ret <= 0)
			break;
		inside(text, vma.name);
		decode(vma.name, PROC_ESCAPED_MAPS);
		must(!vma_name_deleted(&vma, &len) || len <= vma.name.len);
	}
	must(!ret || err.text[0]);
	smaps_close(&it);
}

static void read_stat(struct proc_text text)
{
	struct err err = { 0 };
	struct proc_stat stat;

	if (!stat_parse(text.s, text.len, &stat, &err))
		must(memchr(stat.comm, '\0', sizeof(stat.comm)));
	else
		must(err.text[0]);
}

static void read_status(struct proc_text text)
{
	struct proc_status status = { 0 };
	struct err err = { 0 };

	if (!status_parse(text.s, text.len, &status, &err)) {
		must(status.nspid_depth <= STATUS_NSPID_MAX);
		must(memchr(status.x86_features, '\0', sizeof(status.x86_features)));
		must(status.ngroups <= status.groups_cap);
		/* And again, into what was filled before. */
		must(!status_parse(text.s, text.len, &status, &err));
	}
	status_deinit(&status);
}

static void read_locks(struct proc_text text)
{
	struct proc_lock lock, last = { 0 };
	const char *p = text.s, *end = text.s + text.len;
	struct err err = { 0 };

	while (p < end) {
		const char *stop = memchr(p, '\n', end - p);
		struct proc_text line = { p, (stop ? stop : end) - p };

		if (!lock_parse(line, &lock, &err)) {
			inside(line, lock.what);
			lock_same(&lock, &last);
			lock_conflict(&lock, &last);
			last = lock;
		}
		p = stop ? stop + 1 : end;
	}
}

static void read_fdinfo(struct proc_text text)
{
	struct proc_fdinfo info;
	struct fdinfo_line line;
	struct proc_lock lock;
	struct proc_text rest;
	struct err err = { 0 };
	uint64_t number;

	if (fdinfo_parse(text.s, text.len, &info, &err)) {
		must(err.text[0]);
		return;
	}
	inside(text, info.rest);
	rest = info.rest;
	while (lock_next(&rest, &lock, &err) > 0)
		inside(text, lock.what);
	rest = info.rest;
	while (fdinfo_next(&rest, &line)) {
		inside(text, line.key);
		inside(text, line.value);
		fdinfo_number(line.value, NULL, 10, &number);
		fdinfo_number(line.value, "ino", 16, &number);
		fdinfo_number(line.value, "events", 8, &number);
	}
}

static void read_mounts(struct proc_text text)
{
	struct proc_text rest = text;
	struct proc_mount m;
	struct err err = { 0 };

	while (mountinfo_next(&rest, &m, &err) > 0) {
		inside(text, m.options);
		inside(text, m.optional);
		inside(text, m.fstype);
		inside(text, m.super);
		decode(m.root, PROC_ESCAPED_MOUNT);
		decode(m.point, PROC_ESCAPED_MOUNT);
		decode(m.source, PROC_ESCAPED_MOUNT);
	}
}

static void read_limits(struct proc_text text)
{
	struct proc_limit limits[PROC_LIMITS];
	struct err err = { 0 };

	limits_parse(text.s, text.len, limits, &err);
}

static void read_timers(struct proc_text text)
{
	struct proc_timer timer;
	struct err err = { 0 };

	while (timers_next(&text, &timer, &err) > 0)
		;
}

static void read_cgroup(struct proc_text text)
{
	struct proc_text rest = text;
	struct proc_cgroup cgroup;
	struct err err = { 0 };

	while (cgroup_next(&rest, &cgroup, &err) > 0) {
		inside(text, cgroup.controllers);
		inside(text, cgroup.path);
	}
}

static void read_children(struct proc_text text)
{
	struct proc_ids ids = { 0 };
	struct err err = { 0 };

	children_parse(text.s, text.len, &ids, &err);
	must(ids.n <= ids.cap && ids.n <= text.len);
	proc_ids_deinit(&ids);
}

static const struct {
	const char *name;
	void (*read)(struct proc_text text);
} readers[] = {
	{ "maps", read_maps },
	{ "smaps", read_maps },
	{ "stat", read_stat },
	{ "status", read_status },
	{ "locks", read_locks },
	{ "fdinfo", read_fdinfo },
	{ "mountinfo", read_mounts },
	{ "limits", read_limits },
	{ "timers", read_timers },
	{ "cgroup", read_cgroup },
	{ "children", read_children },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *stop = size ? memchr(data, '\n', size) : NULL;
	struct proc_text name = { (const char *)data, stop ? stop - data : 0 }, text;

	if (!stop)
		return 0;
	text = (struct proc_text){ (const char *)stop + 1, size - name.len - 1 };
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (proc_text_is(name, readers[i].name))
			readers[i].read(text);
	return 0;
}
