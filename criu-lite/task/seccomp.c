// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seccomp: strict mode, and filters, which form a chain: the one installed last
 * is asked first. PTRACE_SECCOMP_GET_FILTER numbers them from the newest
 * (0) on and needs CAP_SYS_ADMIN; PTRACE_SECCOMP_GET_METADATA has the flags.
 * Filters of the tree go into one table; chains that are equal share entries.
 *
 * Restore installs a thread's filters from the oldest on, while
 * PTRACE_O_SUSPEND_SECCOMP keeps them from being applied to what the restore
 * itself still has to do; they begin to work when crl lets go of the thread.
 *
 * A filter with a user notification listener cannot be carried (the listener
 * is a descriptor that somebody answers on): its flags do not show it, but the
 * descriptor that belongs to it is refused where it is open.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/puppet.h"
#include "snapshot/arena.h"
#include "task/seccomp.h"
#include "task/subject.h"
#include "task/task.h"

#define MODE_STRICT 1
#define MODE_FILTER 2
#define CHAIN_MAX   512
#define INSNS_MAX   4096 /* BPF_MAXINSNS */

void seccomp_table_init(struct seccomp_table *table, struct arena *arena)
{
	*table = (struct seccomp_table){ .arena = arena };
	seccomp_entry__init(&table->entry);
}

static bool same_filter(const SeccompFilter *f, const void *code, size_t len,
	int64_t prev, uint32_t flags)
{
	return f->filter.len == len && !memcmp(f->filter.data, code, len) &&
	       f->flags == flags &&
	       (prev < 0 ? !f->has_prev : f->has_prev && f->prev == prev);
}

static uint32_t table_add(struct seccomp_table *table, const void *code, size_t len,
	int64_t prev, uint32_t flags)
{
	SeccompEntry *all = &table->entry;
	SeccompFilter *f;

	for (size_t i = 0; i < all->n_seccomp_filters; i++)
		if (same_filter(all->seccomp_filters[i], code, len, prev, flags))
			return i;
	f = arena_msg(table->arena, SeccompFilter, seccomp_filter);
	f->filter.len = len;
	f->filter.data = arena_copy(table->arena, code, len);
	f->has_prev = prev >= 0;
	f->prev = prev < 0 ? 0 : prev;
	f->has_flags = true;
	f->flags = flags;
	arena_push(table->arena, all->seccomp_filters, all->n_seccomp_filters, table->cap,
		f);
	return all->n_seccomp_filters - 1;
}

static int take_one(
	struct dump_thread *t, unsigned long index, int64_t *prev, struct err *err)
{
	struct sock_filter code[INSNS_MAX];
	struct __ptrace_seccomp_metadata meta = { .filter_off = index };
	long n = ptrace(PTRACE_SECCOMP_GET_FILTER, t->tid, index, code);

	if (n < 0)
		return err_os(err, errno, "read filter %lu (needs CAP_SYS_ADMIN)", index);
	if (ptrace(PTRACE_SECCOMP_GET_METADATA, t->tid, sizeof(meta), &meta) < 0)
		return err_os(err, errno, "read the flags of filter %lu", index);
	*prev = table_add(t->task->seccomp, code, n * sizeof(*code), *prev, meta.flags);
	return 0;
}

static int take_chain(struct dump_thread *t, struct err *err)
{
	ThreadCoreEntry *tc = t->core->thread_core;
	int64_t prev = -1;
	long count = 0;

	while (count <= CHAIN_MAX &&
		ptrace(PTRACE_SECCOMP_GET_FILTER, t->tid, count, NULL) >= 0)
		count++;
	if (!count)
		return err_os(err, errno, "read its filters (needs CAP_SYS_ADMIN)");
	for (long i = count - 1; i >= 0; i--) {
		int ret = take_one(t, i, &prev, err);

		if (ret)
			return ret;
	}
	tc->has_seccomp_filter = true;
	tc->seccomp_filter = prev;
	return 0;
}

static int seccomp_take(
	struct dump_thread *t, const struct batch *b, unsigned first, struct err *err)
{
	ThreadCoreEntry *tc = t->core->thread_core;

	if (!t->status.seccomp)
		return 0;
	tc->has_seccomp_mode = true;
	tc->seccomp_mode = (SeccompMode)t->status.seccomp;
	return t->status.seccomp == MODE_FILTER ? take_chain(t, err) : 0;
}

static int install(struct restore_thread *t, const SeccompFilter *f, struct err *err)
{
	struct sock_fprog prog = { .len = f->filter.len / sizeof(struct sock_filter) };
	struct batch *b = &t->p->b;
	int ret = puppet_room(t->p, 1, f->filter.len + 64, err);

	if (ret)
		return ret;
	prog.filter = (struct sock_filter *)batch_in(b, f->filter.data, f->filter.len);
	batch_call3(b, "seccomp", SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		f->flags & SECCOMP_FILTER_FLAG_LOG, batch_in(b, &prog, sizeof(prog)));
	return 0;
}

/* The chain is stored from the newest to the oldest; it is installed the other way. */
static int install_chain(struct restore_thread *t, uint32_t newest, struct err *err)
{
	const SeccompEntry *all = t->seccomp;
	uint32_t chain[CHAIN_MAX];
	unsigned n = 0;
	int ret = 0;

	for (;;) {
		if (!all || newest >= all->n_seccomp_filters || n == CHAIN_MAX)
			return err_set(
				err, EINVAL, "filter %u is not in seccomp.img", newest);
		chain[n++] = newest;
		if (!all->seccomp_filters[newest]->has_prev)
			break;
		newest = all->seccomp_filters[newest]->prev;
	}
	while (n && !ret)
		ret = install(t, all->seccomp_filters[chain[--n]], err);
	return ret;
}

static int seccomp_restore(struct restore_thread *t, struct err *err)
{
	const ThreadCoreEntry *tc = t->core->thread_core;

	if (!tc->has_seccomp_mode || !tc->seccomp_mode)
		return 0;
	if (ptrace(PTRACE_SETOPTIONS, t->tid, 0,
		    PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP))
		return err_os(err, errno, "suspend it (needs CAP_SYS_ADMIN)");
	if (tc->seccomp_mode == MODE_FILTER)
		return install_chain(t, tc->seccomp_filter, err);
	batch_call2(&t->p->b, "PR_SET_SECCOMP", SYS_prctl, PR_SET_SECCOMP, MODE_STRICT);
	return 0;
}

static int seccomp_verify(const CoreEntry *core, bool leader, struct err *err)
{
	const ThreadCoreEntry *tc = core->thread_core;

	if (tc->has_seccomp_mode && (unsigned)tc->seccomp_mode > MODE_FILTER)
		return err_set(err, EINVAL, "mode %d", tc->seccomp_mode);
	if (tc->seccomp_mode == MODE_FILTER && !tc->has_seccomp_filter)
		return err_set(err, EINVAL, "filter mode without a filter");
	return 0;
}

static int allow_all(void)
{
	struct sock_filter code = { .code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW };
	struct sock_fprog prog = { 1, &code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
		return -errno;
	return 0;
}

/* All that a dump and a restore ask of a thread with a filter. */
static int seccomp_check(struct err *err)
{
	struct __ptrace_seccomp_metadata meta = { 0 };
	struct sock_filter code[2];
	struct subject s;
	int ret = subject_start(&s, allow_all, err);

	if (!ret)
		ret = subject_stop(&s, 0, err);
	if (!ret && ptrace(PTRACE_SECCOMP_GET_FILTER, s.pid, 0, code) != 1)
		ret = err_os(err, errno, "read a filter (needs CAP_SYS_ADMIN)");
	if (!ret && ptrace(PTRACE_SECCOMP_GET_METADATA, s.pid, sizeof(meta), &meta) < 0)
		ret = err_os(
			err, errno, "read the flags of a filter (needs CAP_SYS_ADMIN)");
	if (!ret && ptrace(PTRACE_SETOPTIONS, s.pid, 0,
			    PTRACE_O_EXITKILL | PTRACE_O_SUSPEND_SECCOMP))
		ret = err_os(err, errno, "suspend a filter (needs CAP_SYS_ADMIN)");
	subject_end(&s);
	return ret;
}

const struct task_ops seccomp_ops = {
	.name = "seccomp",
	.scope = TASK_THREAD,
	.take = seccomp_take,
	.restore = seccomp_restore,
	.verify = seccomp_verify,
	.check = seccomp_check,
};
