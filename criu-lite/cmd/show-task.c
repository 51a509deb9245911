// SPDX-License-Identifier: GPL-2.0-only
/*
 * crl show DIR PID: one task of a dump: who it is, program and directories,
 * credentials, signals, timers, then threads, mappings, descriptors and locks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/print.h"
#include "cmd/show.h"
#include "cmd/show-attr.h"
#include "cmd/show-state.h"
#include "crl/err.h"
#include "proto/fs.pb-c.h"
#include "snapshot/look.h"

static int find_task(struct look *l, pid_t pid, struct look_task **found, struct err *err)
{
	for (size_t i = 0; i < l->tasks; i++) {
		struct look_task *t = &l->task[i];

		if (t->pid == pid) {
			*found = t;
			return look_task(l, t, err);
		}
	}
	for (size_t i = 0; i < l->tasks; i++)
		for (unsigned k = 1; k < l->task[i].tids; k++)
			if (l->task[i].tid[k] == pid)
				return err_set(err, ESRCH,
					"%d is a thread of pid %d; show that", pid,
					l->task[i].pid);
	return err_set(err, ESRCH, "the dump has no task with pid %d", pid);
}

static void text_name(const char *what, const char *name)
{
	printf("  %-12s ", what);
	print_name(stdout, name ? name : "?");
	putchar('\n');
}

static int show_places(struct look *l, pid_t pid, struct json *j, struct err *err)
{
	ProtobufCMessage *msg;
	const char *exe = NULL, *cwd = NULL, *root = NULL;
	const FsEntry *fs = NULL;
	int ret = look_record(l, IMAGE_MM, pid, &mm_entry__descriptor, &msg, err);

	if (!ret)
		exe = show_file_name(l, ((const MmEntry *)msg)->exe_file_id);
	if (ret >= 0)
		ret = look_record(l, IMAGE_FS, pid, &fs_entry__descriptor, &msg, err);
	if (ret < 0)
		return ret;
	if (!ret) {
		fs = (const FsEntry *)msg;
		cwd = show_file_name(l, fs->cwd_id);
		root = show_file_name(l, fs->root_id);
	}
	if (j) {
		json_text(j, "program", exe);
		json_text(j, "cwd", cwd);
		json_text(j, "root", root);
		if (fs && fs->has_umask)
			json_unsigned(j, "umask", fs->umask);
	} else {
		text_name("program", exe);
		text_name("cwd", cwd);
		text_name("root", root);
		if (fs && fs->has_umask)
			printf("  %-12s %04o\n", "umask", fs->umask);
	}
	return 0;
}

static int core_of(struct look *l, pid_t tid, const CoreEntry **core, struct err *err)
{
	ProtobufCMessage *msg;
	int ret = look_record(l, IMAGE_CORE, tid, &core_entry__descriptor, &msg, err);

	if (ret == IMAGE_NOT_THERE)
		return err_set(err, ENOENT,
			"core-%d.img is missing; the dump is incomplete", tid);
	*core = (const CoreEntry *)msg;
	return ret;
}

static int show_core(struct look *l, pid_t pid, struct json *j, struct err *err)
{
	const CoreEntry *core = NULL;
	int ret = core_of(l, pid, &core, err);

	if (ret || !core->tc)
		return ret;
	show_creds(core->thread_core ? core->thread_core->creds : NULL, j);
	show_signals(core->tc, j);
	show_timers(core->tc->timers, j);
	show_limits(core->tc->rlimits, j);
	return 0;
}

static void text_thread(pid_t tid, const CoreEntry *core)
{
	const ThreadCoreEntry *t = core->thread_core;
	const char *comm = t && t->comm ? t->comm : core->tc ? core->tc->comm : "";

	printf("  %7d  ", tid);
	print_name(stdout, comm);
	if (t && t->has_sched_policy && t->sched_policy)
		printf(", policy %u priority %u", t->sched_policy, t->sched_prio);
	if (t && t->sched_nice)
		printf(", nice %d", t->sched_nice);
	if (t && t->has_seccomp_mode && t->seccomp_mode)
		printf(", seccomp %s",
			t->seccomp_mode == SECCOMP_MODE__strict ? "strict" : "filter");
	printf(", blocks ");
	print_signals(stdout, core->tc ? core->tc->blk_sigset : t ? t->blk_sigset : 0);
	if (t && t->signals_p && t->signals_p->n_signals) {
		printf(", pending ");
		print_signals(stdout, show_queue_mask(t->signals_p));
	}
	putchar('\n');
}

static void json_thread(struct json *j, pid_t tid, const CoreEntry *core)
{
	const ThreadCoreEntry *t = core->thread_core;

	json_object(j, NULL);
	json_signed(j, "tid", tid);
	json_text(j, "comm", t && t->comm ? t->comm : core->tc ? core->tc->comm : NULL);
	json_unsigned(j, "blocked",
		core->tc ? core->tc->blk_sigset
		: t	 ? t->blk_sigset
			 : 0);
	json_unsigned(j, "pending", show_queue_mask(t ? t->signals_p : NULL));
	json_signed(j, "nice", t ? t->sched_nice : 0);
	json_unsigned(j, "sched_policy", t ? t->sched_policy : 0);
	json_unsigned(j, "seccomp_mode", t ? t->seccomp_mode : 0);
	json_object_end(j);
}

static int show_threads(
	struct look *l, const struct look_task *t, struct json *j, struct err *err)
{
	int ret = 0;

	if (j)
		json_array(j, "thread_list", false);
	else
		printf("\nthreads (%u):\n", t->tids);
	for (unsigned i = 0; i < t->tids && !ret; i++) {
		pid_t tid = i ? t->tid[i] : t->pid;
		const CoreEntry *core = NULL;

		ret = core_of(l, tid, &core, err);
		if (!ret && j)
			json_thread(j, tid, core);
		else if (!ret)
			text_thread(tid, core);
		look_forget(l);
	}
	if (j)
		json_array_end(j);
	return ret;
}

static void text_head(const struct look_task *t)
{
	printf("%d ", t->pid);
	print_name(stdout, t->comm);
	printf(": %s, parent %d, group %d, session %d\n", show_state_word(t), t->ppid,
		t->pgid, t->sid);
	if (t->state != SNAP_DEAD)
		return;
	if (t->exit_code & 0x7f)
		printf("  killed by signal %u\n", t->exit_code & 0x7f);
	else
		printf("  exit status %u\n", t->exit_code >> 8 & 0xff);
}

static int show_live(
	struct look *l, const struct look_task *t, struct json *j, struct err *err)
{
	int ret = show_places(l, t->pid, j, err);

	if (!ret)
		ret = show_core(l, t->pid, j, err);
	look_forget(l);
	if (!ret)
		ret = show_threads(l, t, j, err);
	if (!ret)
		ret = show_mappings(l, t->pid, j, err);
	if (!ret)
		ret = show_descriptors(l, t->table, j, err);
	return ret ? ret : show_locks(l, t->pid, j, err);
}

int show_task(struct look *l, pid_t pid, struct json *j, struct err *err)
{
	struct look_task *t = NULL;
	int ret = find_task(l, pid, &t, err);

	if (ret)
		return ret;
	if (j) {
		json_object(j, NULL);
		show_state_json(t, j);
	} else {
		text_head(t);
	}
	if (t->state != SNAP_DEAD)
		ret = show_live(l, t, j, err);
	if (j)
		json_object_end(j);
	return ret;
}
