// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared kernel objects of tasks: address space, descriptor table, fs (cwd,
 * root, umask), signal actions. fork copies them; CLONE_VM, CLONE_FILES,
 * CLONE_FS and CLONE_SIGHAND share them. kcmp(2) compares, and orders, so that
 * a tree per kind finds a partner in few comparisons. Where the kernel's records
 * of the tasks are there, the addresses of the objects are compared instead.
 *
 * Tasks that share one of them, and threads that have left what the others of
 * their task share (unshare(2)), are refused.
 */
#include <linux/kcmp.h>
#include <search.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/proc/records.h"
#include "snapshot/obstacles.h"
#include "task/ids.h"
#include "task/task.h"

struct id_known {
	int kcmp;
	pid_t pid;
	uint64_t address; /* in the kernel; 0 when there are no records of this tree */
	uint32_t id;
};

static const struct {
	int kcmp;
	const char *what;
} kinds[ID_KINDS] = {
	[ID_VM] = { KCMP_VM, "address space" },
	[ID_FILES] = { KCMP_FILES, "descriptor table" },
	[ID_FS] = { KCMP_FS, "working directory and root (CLONE_FS)" },
	[ID_SIGHAND] = { KCMP_SIGHAND, "signal actions" },
};

static int known_cmp(const void *left, const void *right)
{
	const struct id_known *a = left, *b = right;

	if (a->address)
		return (a->address > b->address) - (a->address < b->address);
	switch (syscall(SYS_kcmp, a->pid, b->pid, a->kcmp, 0, 0)) {
	case 0:
		return 0;
	case 1:
		return -1;
	default:
		return 1;
	}
}

void ids_init(struct ids *ids, struct arena *arena)
{
	*ids = (struct ids){ .arena = arena, .next = 2 };
}

static void keep(void *entry)
{
	/* it lives in the arena */
}

void ids_deinit(struct ids *ids)
{
	for (int i = 0; i < ID_KINDS; i++) {
		tdestroy(ids->tree[i], keep);
		ids->tree[i] = NULL;
	}
}

static uint64_t address_of(const struct task_record *rec, int kind)
{
	switch (kind) {
	case ID_VM:
		return rec->mm;
	case ID_FILES:
		return rec->files;
	case ID_FS:
		return rec->fs;
	}
	return rec->sighand;
}

static uint32_t id_of(struct ids *ids, struct dump_task *t, int kind)
{
	struct id_known *new = arena_alloc(ids->arena, sizeof(*new)), *found;

	*new = (struct id_known){
		.kcmp = kinds[kind].kcmp, .pid = t->pid, .id = ids->next
	};
	if (t->record)
		new->address = address_of(t->record, kind);
	found = *(struct id_known **)tsearch(new, &ids->tree[kind], known_cmp);
	if (found == new)
		return new->id;
	obstacles_add(t->obstacles, t->pid, t->stat.comm,
		"start the program without CLONE_VM, CLONE_FILES, CLONE_FS or "
		"CLONE_SIGHAND",
		"shares its %s with pid %d", kinds[kind].what, found->pid);
	return found->id;
}

void ids_own(TaskKobjIdsEntry *e)
{
	e->vm_id = e->files_id = e->fs_id = e->sighand_id = 1;
	e->has_pid_ns_id = e->has_net_ns_id = e->has_ipc_ns_id = e->has_uts_ns_id = true;
	e->has_time_ns_id = e->has_mnt_ns_id = e->has_user_ns_id = e->has_cgroup_ns_id =
		true;
	e->pid_ns_id = 1;
	e->net_ns_id = 2;
	e->ipc_ns_id = 3;
	e->uts_ns_id = 4;
	e->time_ns_id = 5;
	e->mnt_ns_id = 6;
	e->user_ns_id = 7;
	e->cgroup_ns_id = 8;
}

void ids_take(struct ids *ids, struct dump_task *t, TaskKobjIdsEntry *e)
{
	ids_own(e); /* namespaces are those of crl: others are refused */
	e->vm_id = id_of(ids, t, ID_VM);
	e->files_id = id_of(ids, t, ID_FILES);
	e->fs_id = id_of(ids, t, ID_FS);
	e->sighand_id = id_of(ids, t, ID_SIGHAND);
	ids->next++;
}

static bool shares(const struct dump_thread *t, int kind)
{
	if (t->record)
		return address_of(t->record, kind) == address_of(t->task->record, kind);
	return syscall(SYS_kcmp, t->task->pid, t->tid, kinds[kind].kcmp, 0, 0) <= 0;
}

void ids_check_thread(const struct dump_thread *t)
{
	for (int i = ID_FILES; i <= ID_FS; i++)
		if (!shares(t, i))
			obstacles_add(t->task->obstacles, t->task->pid,
				t->task->stat.comm, "start the thread without unshare()",
				"thread %d has a %s of its own", t->tid, kinds[i].what);
}
