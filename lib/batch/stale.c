// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A crl that is killed in a visit cannot take its stub away: the thread is still
 * inside. It soon leaves by itself, and the stub stays. The next one is planted
 * behind it; after a few such kills there is no room left. Then a stub is taken
 * over in which nobody is.
 *
 * In it is a thread whose instruction pointer is, and one that was interrupted
 * there by a signal, which is possible in its last instructions, when the mask is
 * open again: while it is in the handler, the address is in the signal frame, not
 * far above its stack pointer. Any word there that might be one counts.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "crl/arch.h"
#include "crl/err.h"
#include "crl/proc/children.h"
#include "crl/proc/file.h"
#include "stale.h"

#define MARK  64 /* bytes by which a stub is recognised */
#define STACK (32 << 10)

static bool is_in(uint64_t address, uint64_t stub)
{
	return address >= stub && address < stub + arch_stub_size();
}

static bool thread_in(pid_t tid, int mem, uint64_t stub)
{
	uint64_t stack[STACK / sizeof(uint64_t)];
	struct arch_regs regs;
	struct err scratch;
	ssize_t n;

	if (arch_regs_get(tid, &regs, &scratch) || is_in(arch_regs_ip(&regs), stub))
		return true;
	/* Page by page: the stack may end before. */
	for (uint64_t at = arch_regs_sp(&regs) & ~7ull, end = at + STACK; at < end;) {
		uint64_t room = 4096 - at % 4096;

		n = pread(mem, stack, room, at);
		for (ssize_t i = 0; i < n / 8; i++)
			if (is_in(stack[i], stub))
				return true;
		if (n < (ssize_t)room)
			return false;
		at += room;
	}
	return false;
}

static bool somebody_in(pid_t pid, int mem, uint64_t stub)
{
	PROC_BUF_AUTO buf = { 0 };
	PROC_IDS_AUTO tids = { 0 };
	char path[PROC_PATH_SIZE];
	struct err scratch;

	proc_path(path, "/proc/", (unsigned int)pid, "/task");
	if (proc_list_dir(AT_FDCWD, path, &buf, &tids, &scratch))
		return true;
	for (size_t i = 0; i < tids.n; i++)
		if (thread_in(tids.v[i], mem, stub))
			return true;
	return false;
}

int stale_stub(pid_t pid, int mem, const uint8_t *page, size_t len, uint64_t start)
{
	for (size_t at = 0; at + arch_stub_size() <= len; at += 16)
		if (!memcmp(page + at, arch_stub_code(), MARK) &&
			!somebody_in(pid, mem, start + at))
			return (int)at;
	return -1;
}
