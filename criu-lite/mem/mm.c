// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an address space has besides mappings: where code, data, heap, stack,
 * arguments and environment lie, the auxiliary vector, the program file,
 * whether it may be dumped, and whether huge pages are off. /proc/PID/stat,
 * auxv and exe show all but three values, which the task itself is asked for.
 *
 * Restore sets it by PR_SET_MM_MAP, which needs CAP_CHECKPOINT_RESTORE where
 * the program file changes, and no CAP_SYS_RESOURCE; the program file of the
 * maker must not be mapped any more.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "crl/err.h"
#include "fd/files.h"
#include "mem/mem.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define AT_NULL 0

static int mm_auxv(struct dump_task *t, MmEntry *mm, struct err *err)
{
	int ret = proc_read(t->proc, "auxv", t->buf, err);
	const uint64_t *v;

	if (ret)
		return ret;
	mm->mm_saved_auxv = arena_copy(t->arena, t->buf->data, t->buf->len);
	v = mm->mm_saved_auxv;
	for (size_t i = 0; i + 1 < t->buf->len / 8 && v[i] != AT_NULL; i += 2)
		mm->n_mm_saved_auxv = i + 2;
	return 0;
}

int mm_collect(
	struct dump_task *t, struct files *files, struct mem_dump *m, struct err *err)
{
	const struct proc_stat *s = &t->stat;
	MmEntry *mm = m->mm;
	int ret = mm_auxv(t, mm, err);

	mm->mm_start_code = s->start_code;
	mm->mm_end_code = s->end_code;
	mm->mm_start_data = s->start_data;
	mm->mm_end_data = s->end_data;
	mm->mm_start_stack = s->start_stack;
	mm->mm_start_brk = s->start_brk;
	mm->mm_brk = t->brk;
	mm->mm_arg_start = s->arg_start;
	mm->mm_arg_end = s->arg_end;
	mm->mm_env_start = s->env_start;
	mm->mm_env_end = s->env_end;
	mm->has_dumpable = true;
	mm->dumpable = t->dumpable;
	mm->has_thp_disabled = true;
	mm->thp_disabled = t->thp_disabled;
	if (!ret)
		ret = files_link(files, t, "exe", &mm->exe_file_id, err);
	return ret;
}
