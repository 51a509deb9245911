// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl check -D DIR: is a dump complete and undamaged, and would a restore of it
 * begin here? First every file is compared with its checksum; then all is read
 * and judged as a restore does it, up to where a first process would be made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/check.h"
#include "cmd/json.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "crl/log.h"
#include "fd/restore-files.h"
#include "image/verify.h"
#include "snapshot/snapshot.h"
#include "task/family.h"

#define THREADS_MAX 4

struct verdict {
	const char *dir;
	size_t tasks, threads;
	uint64_t pages;
	bool checksums, sound;
	int ret; /* of what was tried last */
};

static unsigned worker_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : n;
}

static void count_pages(struct verdict *v, const struct snapshot *s)
{
	for (size_t i = 0; i < s->tasks; i++)
		v->pages += s->task[i].pages.bytes / 4096;
	for (size_t i = 0; i < s->shmems; i++)
		v->pages += s->shmem[i].pages.bytes / 4096;
	v->tasks = s->tasks;
	v->threads = s->threads;
}

/* A shell job is no damage: which session it goes to is a matter of the restore. */
static int judge(struct verdict *v, int fd, const struct options *o, struct err *err)
{
	const struct snapshot_options opt = { .shell_job = true };
	struct restore_files_options files_opt = { .shell_job = true,
		.skip_file_rwx_check = o->skip_file_rwx_check,
		.size_only =
			o->file_validation && !strcmp(o->file_validation, "filesize") };
	struct restore_files files = { .opt = &files_opt };
	struct family family = { 0 };
	struct snapshot snap;
	int ret = snapshot_load(&snap, fd, &files, &opt, NULL, err);

	if (!ret)
		ret = family_plan(&family, &snap, &snap.arena, err);
	count_pages(v, &snap);
	restore_files_deinit(&files);
	snapshot_deinit(&snap);
	return ret;
}

static void print_text(const struct verdict *v)
{
	char size[PRINT_SIZE];

	if (v->ret)
		return;
	print_name(stdout, v->dir);
	printf(": %zu task%s, %zu thread%s, %s of memory: complete and %s\n", v->tasks,
		v->tasks == 1 ? "" : "s", v->threads, v->threads == 1 ? "" : "s",
		print_size(size, v->pages * 4096),
		v->checksums ? "undamaged"
			     : "readable; it has no checksums, so damage to memory "
			       "cannot be seen");
}

static void print_json(const struct verdict *v, const struct err *err)
{
	struct json j = { .out = stdout };

	json_object(&j, NULL);
	json_text(&j, "directory", v->dir);
	json_bool(&j, "ok", !v->ret);
	json_bool(&j, "checksums", v->checksums);
	json_bool(&j, "undamaged", v->sound && (!v->ret || v->checksums));
	if (!v->ret) {
		json_unsigned(&j, "tasks", v->tasks);
		json_unsigned(&j, "threads", v->threads);
		json_unsigned(&j, "pages", v->pages);
	}
	json_text(&j, "error", v->ret ? err->text : NULL);
	json_object_end(&j);
}

int check_dump(const struct options *o, struct err *err)
{
	struct verdict v = { .dir = o->images_dir };
	auto_fd int fd = open(v.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_os(err, errno, "%s", v.dir);
	v.ret = verify_dump(fd, worker_threads(), err);
	if (v.ret >= 0) {
		v.sound = true;
		v.checksums = v.ret != VERIFY_NO_SUMS;
		v.ret = judge(&v, fd, o, err);
		if (v.ret && v.checksums)
			err_in(err, v.ret,
				"complete and undamaged, but cannot be restored here");
	}
	if (v.ret)
		err_in(err, v.ret, "%s", v.dir);
	if (o->json)
		print_json(&v, err);
	else
		print_text(&v);
	return v.ret;
}
