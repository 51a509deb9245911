/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of file locks share: taking them, and how the kernel shows them. */
#ifndef ZDTM_LOCK_H
#define ZDTM_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/* fcntl(fd, cmd) with an F_*LCK type on a range; length 0: to the end. -1 and errno. */
int test_lock(int fd, int cmd, int type, off_t start, off_t length);

/*
 * Who else holds a POSIX or OFD lock (cmd F_GETLK or F_OFD_GETLK) against this one: 0
 * for nobody, a pid, -1 for an open file. *type, *start and *length are those of that
 * lock.
 */
pid_t test_lock_against(int fd, int cmd, int type, off_t start, off_t length,
	int *held_type, off_t *held_start, off_t *held_length);

/*
 * All locks under a descriptor of a process, in the order of the kernel: "POSIX WRITE
 * PID 100 199\n" each (static buffer). Without the pid where `pids` is false.
 */
const char *test_locks(pid_t pid, int fd, bool pids);

#endif
