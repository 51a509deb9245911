// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dump is loaded, judged and planned, as before a restore and by `crl check -D`:
 * all that happens to images before a process is made. The inventory knows of no
 * checksums, which would stop nearly every change at the door; a list of them is
 * read by itself, as if it were the right one. FUZZ_VERBOSE=1 prints what was said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive.h"
#include "crl/err.h"
#include "fd/restore-files.h"
#include "image/hash.h"
#include "image/sums.h"
#include "image/verify.h"
#include "sandbox.h"
#include "snapshot/snapshot.h"
#include "task/family.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int dir = -1;
static bool verbose;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	verbose = getenv("FUZZ_VERBOSE");
	dir = sandbox_enter();
	return 0;
}

/* What was judged is unpacked again by whoever makes the tasks. */
static void unpack_again(const struct snapshot *s)
{
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < s->tasks; i++) {
		const struct snap_task *t = &s->task[i];

		for (unsigned int k = 0; k < t->n_threads; k++)
			if (!snapshot_core(&t->threads[k], &a))
				abort();
		if (t->state != SNAP_DEAD && !snapshot_mm(t, &a))
			abort();
		arena_reset(&a);
	}
	arena_deinit(&a);
}

static void judge(bool lenient)
{
	const struct snapshot_options opt = { .shell_job = lenient };
	const struct restore_files_options files_opt = {
		.shell_job = lenient, .skip_file_rwx_check = lenient, .size_only = lenient
	};
	struct restore_files files = { .opt = &files_opt };
	struct family family = { 0 };
	struct snapshot snap;
	struct err err = { 0 };
	int ret = snapshot_load(&snap, dir, &files, &opt, NULL, &err);

	if (!ret) {
		unpack_again(&snap);
		ret = family_plan(&family, &snap, &snap.arena, &err);
	}
	/* A refusal has a reason. */
	if (ret && (ret > 0 || !err.text[0]))
		abort();
	if (verbose)
		fprintf(stderr, "%s\n", ret ? err.text : "could be restored");
	restore_files_deinit(&files);
	snapshot_deinit(&snap);
}

/* The list goes afterwards: the inventory does not mention it. */
static void use_sums(const struct archive *a)
{
	struct sums *sums = NULL;
	struct err err = { 0 };
	const struct archive_file *f = a->file;

	while (f < a->file + a->files && f->kind != IMAGE_CRL_SUMS)
		f++;
	if (f == a->file + a->files)
		return;
	if (!sums_load(dir, image_hash(f->data, f->size), &sums, &err)) {
		verify_names(sums, dir, &err);
		for (size_t i = 0; i < a->files; i++) {
			const struct sums_entry *e = sums_find(sums, a->file[i].name);

			if (e && a->file[i].kind != IMAGE_PAGES)
				sums_check(e, a->file[i].data, a->file[i].size, &err);
		}
		sums_free(sums);
	}
	unlinkat(dir, SUMS_FILE, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct archive a;

	archive_parse(&a, data, size);
	archive_write(&a, dir);
	use_sums(&a);
	judge(true);
	judge(false);
	archive_unlink(&a, dir);
	return 0;
}
