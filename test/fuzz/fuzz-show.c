// SPDX-License-Identifier: GPL-2.0-only
/*
 * A dump is shown in every way that `crl show` has, for people and as JSON. Text
 * for people never holds a control character: it goes to a terminal.
 */
#include <stdio.h>
#include <stdlib.h>

#include "archive.h"
#include "cmd/json.h"
#include "cmd/show.h"
#include "crl/err.h"
#include "sandbox.h"
#include "snapshot/look.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int dir = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	dir = sandbox_enter();
	return 0;
}

static void show_all(const struct archive *a, bool json)
{
	struct json j = { .out = stdout }, *to = json ? &j : NULL;
	struct err err = { 0 };
	struct look l;

	if (!look_open(&l, dir, &err)) {
		show_tree(&l, "dump", to, &err);
		for (size_t i = 0; i < l.tasks; i++) {
			j = (struct json){ .out = stdout };
			look_forget(&l);
			show_task(&l, l.task[i].pid, to, &err);
		}
		for (size_t i = 0; i < a->files; i++) {
			j = (struct json){ .out = stdout };
			look_forget(&l);
			show_image(&l, a->file[i].name, to, &err);
		}
	}
	look_close(&l);
}

static void check_text(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') ||
			text[i] == 0x7f) {
			fprintf(stderr, "a control character, %#x, at %zu\n", text[i], i);
			abort();
		}
}

static void show_as(const struct archive *a, bool json)
{
	char *text = NULL;
	size_t size = 0;
	FILE *before = stdout;

	stdout = open_memstream(&text, &size);
	if (!stdout)
		abort();
	show_all(a, json);
	fclose(stdout);
	stdout = before;
	check_text(text, size);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct archive a;

	archive_parse(&a, data, size);
	archive_write(&a, dir);
	show_as(&a, false);
	show_as(&a, true);
	archive_unlink(&a, dir);
	return 0;
}
