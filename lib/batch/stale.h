/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stubs that a killed crl has left in a task: see stale.c. */
#ifndef CRL_BATCH_STALE_H
#define CRL_BATCH_STALE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Offset in the page, which begins at `start` in the task, of a stub that no
 * thread of it runs or will come back to, or -1. All threads are held.
 */
int stale_stub(pid_t pid, int mem, const uint8_t *page, size_t len, uint64_t start);

#endif
