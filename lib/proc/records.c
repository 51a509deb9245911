// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Records of traced threads: see crl/proc/records.h. What is copied is the table
 * below; crl/proc/task-iter.h does it.
 */
#include <errno.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/btf.h"
#include "crl/proc/file.h"
#include "crl/proc/records.h"
#include "crl/proc/task-iter.h"

#define THREAD_PART offsetof(struct task_record, limit)

#define FIELD(from, in, name, member, ...)                                               \
	{                                                                                \
		.base = from, .type = in, .path = name,                                  \
		.at = offsetof(struct task_record, member),                              \
		.size = sizeof(((struct task_record *)0)->member), __VA_ARGS__           \
	}

/*
 * Optional are members whose kind has changed (posix_timers was a list with two
 * ends until 6.14) or that depend on how the kernel was configured.
 */
static const struct iter_field fields[] = {
	FIELD(ITER_TASK, "task_struct", "sas_ss_sp", altstack),
	FIELD(ITER_TASK, "task_struct", "sas_ss_size", altstack_size),
	FIELD(ITER_TASK, "task_struct", "sas_ss_flags", altstack_flags),
	FIELD(ITER_TASK, "task_struct", "clear_child_tid", clear_child_tid),
	FIELD(ITER_TASK, "task_struct", "timer_slack_ns", timer_slack),
	FIELD(ITER_TASK, "task_struct", "atomic_flags", atomic_flags),
	FIELD(ITER_TASK, "task_struct", "pending.signal", pending),
	FIELD(ITER_TASK, "task_struct", "blocked", blocked),
	FIELD(ITER_TASK, "task_struct", "mm", mm),
	FIELD(ITER_TASK, "task_struct", "files", files),
	FIELD(ITER_TASK, "task_struct", "fs", fs),
	FIELD(ITER_TASK, "task_struct", "sighand", sighand),
	FIELD(ITER_TASK, "task_struct", "nsproxy", nsproxy),
	FIELD(ITER_TASK, "task_struct", "cgroups", cgroups, .optional = true),
	FIELD(ITER_TASK, "task_struct", "pdeath_signal", pdeath_signal),
	FIELD(ITER_TASK, "task_struct", "personality", personality),
	FIELD(ITER_TASK, "task_struct", "seccomp.mode", seccomp_mode),
	FIELD(ITER_TASK, "task_struct", "loginuid", loginuid, .optional = true),
	FIELD(ITER_TASK, "task_struct", "comm", comm),
	FIELD(ITER_TASK, "task_struct", "restart_block", restart),
	FIELD(ITER_TASK, "task_struct", "thread.tls_array", tls, .optional = true),
	FIELD(ITER_CRED, "cred", "user_ns", user_ns),
	FIELD(ITER_CRED, "cred", "cap_inheritable", cap_inh),
	FIELD(ITER_CRED, "cred", "cap_permitted", cap_prm),
	FIELD(ITER_CRED, "cred", "cap_effective", cap_eff),
	FIELD(ITER_CRED, "cred", "cap_bset", cap_bnd),
	FIELD(ITER_CRED, "cred", "cap_ambient", cap_amb),
	FIELD(ITER_CRED, "cred", "uid", uid[0]),
	FIELD(ITER_CRED, "cred", "euid", uid[1]),
	FIELD(ITER_CRED, "cred", "suid", uid[2]),
	FIELD(ITER_CRED, "cred", "fsuid", uid[3]),
	FIELD(ITER_CRED, "cred", "gid", gid[0]),
	FIELD(ITER_CRED, "cred", "egid", gid[1]),
	FIELD(ITER_CRED, "cred", "sgid", gid[2]),
	FIELD(ITER_CRED, "cred", "fsgid", gid[3]),
	FIELD(ITER_CRED, "cred", "securebits", securebits),
	FIELD(ITER_GROUPS, "group_info", "ngroups", n_groups),
	FIELD(ITER_GROUPS, "group_info", "gid", groups, .array = true),
	FIELD(ITER_FS, "fs_struct", "umask", umask),
	FIELD(ITER_SIGNAL, "signal_struct", "rlim", limit),
	FIELD(ITER_SIGNAL, "signal_struct", "shared_pending.signal", shared_pending),
	FIELD(ITER_SIGNAL, "signal_struct", "posix_timers", posix_timers,
		.optional = true),
	FIELD(ITER_SIGNAL, "signal_struct", "it", cpu_timer),
	FIELD(ITER_SIGNAL, "signal_struct", "it_real_incr", real_interval),
	FIELD(ITER_SIGNAL, "signal_struct", "real_timer.state", real_queued,
		.optional = true),
	FIELD(ITER_SIGNAL, "signal_struct", "oom_score_adj", oom_score_adj),
	FIELD(ITER_SIGNAL, "signal_struct", "is_child_subreaper", subreaper, .bit = true),
	FIELD(ITER_MM, "mm_struct", "flags", mm_flags),
	FIELD(ITER_MM, "mm_struct", "brk", brk),
	FIELD(ITER_MM, "mm_struct", "membarrier_state", membarrier, .optional = true),
	FIELD(ITER_FDT, "fdtable", "max_fds", max_fds),
	FIELD(ITER_CLOEXEC, NULL, NULL, cloexec),
	FIELD(ITER_SIGHAND, "sighand_struct", "action", action),
};

#define FIELDS (sizeof(fields) / sizeof(*fields))

static const struct iter_shape shape = {
	.size = sizeof(struct task_record),
	.leader_part = THREAD_PART,
	.tid = offsetof(struct task_record, tid),
	.leader = offsetof(struct task_record, leader),
	.monotonic = offsetof(struct task_record, monotonic),
	.boottime = offsetof(struct task_record, boottime),
	.traced = true,
};

struct task_records {
	struct records_info info;
	struct iter_place places[FIELDS];
	struct proc_buf data;
	const struct task_record **sorted; /* by tid */
	size_t n;
};

static const struct {
	const char *path, *later;
	size_t at;
} restart_members[] = {
#define RESTART(member) offsetof(struct restart_layout, member)
	{ "poll.ufds", NULL, RESTART(first) },
	{ "futex.flags", NULL, RESTART(futex_flags) },
	{ "futex.time", NULL, RESTART(futex_time) },
	{ "nanosleep.clockid", NULL, RESTART(clockid) },
	{ "nanosleep.expires", NULL, RESTART(expires) },
	{ "poll.has_timeout", NULL, RESTART(has_timeout) },
	{ "poll.tv_sec", "poll.end_time.tv_sec", RESTART(tv_sec) },
	{ "poll.tv_nsec", "poll.end_time.tv_nsec", RESTART(tv_nsec) },
};

/*
 * Layouts: 5.10 has no arch_data in front; poll has its end in tv_sec and tv_nsec,
 * after 6.18 in end_time.
 */
static int place_restart(const struct btf *btf, struct restart_layout *l, struct err *err)
{
	long id = btf_find(btf, BTF_KIND_STRUCT, "restart_block", err), value;

	if (id < 0)
		return id;
	for (size_t i = 0; i < sizeof(restart_members) / sizeof(*restart_members); i++) {
		value = btf_offset(btf, id, restart_members[i].path, err);
		if (value < 0 && restart_members[i].later)
			value = btf_offset(btf, id, restart_members[i].later, err);
		if (value < 0)
			return err_in(err, value, "struct restart_block");
		memcpy((char *)l + restart_members[i].at, &value, sizeof(value));
	}
	return 0;
}

static uint64_t time_of(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int by_tid(const void *left, const void *right)
{
	const struct task_record *a = *(const struct task_record *const *)left;
	const struct task_record *b = *(const struct task_record *const *)right;

	return (a->tid > b->tid) - (a->tid < b->tid);
}

static int sort(struct task_records *r, struct err *err)
{
	r->sorted = calloc(r->data.len / THREAD_PART + 1, sizeof(*r->sorted));
	if (!r->sorted)
		return err_os(err, ENOMEM, "records of tasks");
	for (size_t at = 0; at + THREAD_PART <= r->data.len;) {
		struct task_record *rec = (struct task_record *)(r->data.data + at);
		size_t size = rec->leader ? sizeof(*rec) : THREAD_PART;

		if (r->data.len - at < size)
			break;
		if (rec->leader)
			rec->subreaper = rec->subreaper & 1;
		r->sorted[r->n++] = rec;
		at += size;
	}
	qsort(r->sorted, r->n, sizeof(*r->sorted), by_tid);
	return 0;
}

static int read_all(struct task_records *r, struct err *err)
{
	auto_fd int link = -1;
	struct btf *btf;
	int ret = btf_open_kernel(&btf, err);

	if (ret)
		return ret;
	link = task_iter_open(btf, &shape, fields, r->places, FIELDS, err);
	ret = link < 0 ? link : place_restart(btf, &r->info.restart, err);
	btf_free(btf);
	r->info.realtime = time_of(CLOCK_REALTIME);
	r->info.tai = time_of(CLOCK_TAI);
	if (!ret)
		ret = task_iter_read(link, &r->data, err);
	return ret ? ret : sort(r, err);
}

int task_records_read(struct task_records **out, struct err *err)
{
	struct task_records *r = calloc(1, sizeof(*r));
	int ret = r ? read_all(r, err) : err_os(err, ENOMEM, "records of tasks");

	if (ret)
		task_records_free(r);
	else
		*out = r;
	return ret;
}

void task_records_free(struct task_records *r)
{
	if (!r)
		return;
	proc_buf_deinit(&r->data);
	free(r->sorted);
	free(r);
}

static int find_tid(const void *key, const void *record)
{
	pid_t tid = *(const pid_t *)key;
	pid_t other = (*(const struct task_record *const *)record)->tid;

	return (tid > other) - (tid < other);
}

const struct task_record *task_records_find(const struct task_records *r, pid_t tid)
{
	const struct task_record **found =
		bsearch(&tid, r->sorted, r->n, sizeof(*r->sorted), find_tid);

	return found ? *found : NULL;
}

bool task_records_have(const struct task_records *r, size_t member)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].at == member)
			return r->places[i].size;
	return false;
}

const struct records_info *task_records_info(const struct task_records *r)
{
	return &r->info;
}
