// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restart blocks. nanosleep, clock_nanosleep, poll and futex, interrupted with
 * time left, return -ERESTART_RESTARTBLOCK and leave the absolute end of their
 * wait in task_struct.restart_block, from where restart_syscall(2) goes on.
 * crl/proc/records.h gets the blocks out of the kernel; here they are
 * understood.
 *
 * Which of the three parts of a block is in use follows from the call. A thread
 * that was stopped and let go on before is inside restart_syscall, with the
 * arguments of the first call: they are compared with the block. The block's
 * function pointer would not help: it is reset when a signal handler returns, while
 * the rest of the block stays.
 *
 * The end of a wait is stored in the host's time, also for a thread in a time
 * namespace. A relative sleep by CLOCK_REALTIME is one by CLOCK_MONOTONIC in the
 * kernel. An alarm clock stands in the block with the number of an alarm, not
 * of a clock. Sleeps on the processor time of a process are not supported.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "crl/arch.h"
#include "crl/err.h"
#include "crl/proc/records.h"
#include "task/restart-block.h"

#define NS_A_SECOND 1000000000ull

/*
 * futex.flags, before 6.7 and since: "has a timeout", which is always so in a block,
 * and "by CLOCK_REALTIME".
 */
#define FUTEX_TIMED_OLD	   0x04
#define FUTEX_REALTIME_OLD 0x02
#define FUTEX_TIMED	   0x40
#define FUTEX_REALTIME	   0x20

/* First arguments that no address can be: clocks, and processor time, a negative int. */
#define CLOCK_END	0x1000
#define CPU_CLOCK_BEGIN 0xfe000000
#define CPU_CLOCK_END	0x100000000

static uint64_t long_at(const struct task_record *rec, long at)
{
	uint64_t value;

	memcpy(&value, rec->restart + at, sizeof(value));
	return value;
}

static uint32_t int_at(const struct task_record *rec, long at)
{
	uint32_t value;

	memcpy(&value, rec->restart + at, sizeof(value));
	return value;
}

/* The call behind restart_syscall(2): its first argument, held against the block. */
static long first_call(
	const struct restart_layout *l, const struct task_record *rec, uint64_t arg)
{
	if ((arg && arg < CLOCK_END) || (arg >= CPU_CLOCK_BEGIN && arg < CPU_CLOCK_END))
		return SYS_clock_nanosleep;
	if (long_at(rec, l->first) != arg)
		return arg ? SYS_nanosleep : SYS_clock_nanosleep; /* of CLOCK_REALTIME */
	if (int_at(rec, l->futex_flags) & (FUTEX_TIMED | FUTEX_TIMED_OLD))
		return SYS_futex;
	return SYS_poll; /* which has 0 or 1 in that place */
}

static clockid_t sleep_clock(long nr, uint64_t arg, clockid_t block)
{
	if (nr == SYS_clock_nanosleep && arg == CLOCK_REALTIME_ALARM)
		return CLOCK_REALTIME;
	if (nr == SYS_clock_nanosleep && arg == CLOCK_BOOTTIME_ALARM)
		return CLOCK_BOOTTIME;
	return block;
}

static clockid_t futex_clock(uint32_t flags)
{
	uint32_t mask = flags & FUTEX_TIMED ? FUTEX_REALTIME : FUTEX_REALTIME_OLD;

	return flags & mask ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

static int rest_until(const struct records_info *s, const struct task_record *rec,
	clockid_t clock, uint64_t end, uint64_t *ns)
{
	uint64_t now;

	switch (clock) {
	case CLOCK_MONOTONIC:
		now = rec->monotonic;
		break;
	case CLOCK_BOOTTIME:
		now = rec->boottime;
		break;
	case CLOCK_REALTIME:
		now = s->realtime;
		break;
	case CLOCK_TAI:
		now = s->tai;
		break;
	default:
		return -EOPNOTSUPP;
	}
	*ns = end > now ? end - now : 0;
	return 0;
}

static int block_rest(const struct records_info *s, const struct task_record *rec,
	long nr, uint64_t arg, uint64_t *ns)
{
	const struct restart_layout *l = &s->restart;

	switch (nr) {
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
		return rest_until(s, rec, sleep_clock(nr, arg, int_at(rec, l->clockid)),
			long_at(rec, l->expires), ns);
	case SYS_futex:
		return rest_until(s, rec, futex_clock(int_at(rec, l->futex_flags)),
			long_at(rec, l->futex_time), ns);
	case SYS_poll:
		if (int_at(rec, l->has_timeout))
			return rest_until(s, rec, CLOCK_MONOTONIC,
				long_at(rec, l->tv_sec) * NS_A_SECOND +
					long_at(rec, l->tv_nsec),
				ns);
		*ns = RESTART_FOREVER;
		return 0;
	}
	return -EOPNOTSUPP;
}

int restart_block_rest(const struct task_records *r, pid_t tid,
	const struct arch_regs *regs, long *nr, uint64_t *ns)
{
	uint64_t arg = arch_syscall_arg(regs, 0);
	long call = arch_syscall_nr(regs);
	const struct task_record *rec;
	int ret;

	if (call == SYS_poll && (int)arch_syscall_arg(regs, 2) < 0) {
		*nr = call;
		*ns = RESTART_FOREVER;
		return 0;
	}
	if (!r)
		return -EOPNOTSUPP;
	rec = task_records_find(r, tid);
	if (!rec)
		return -ESRCH;
	if (call == SYS_restart_syscall)
		call = first_call(&task_records_info(r)->restart, rec, arg);
	ret = block_rest(task_records_info(r), rec, call, arg, ns);
	if (!ret)
		*nr = call;
	return ret;
}
