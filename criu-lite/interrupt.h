/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Being told to stop. SIGTERM, SIGINT and SIGHUP are blocked while a tree is
 * frozen, and looked for between two steps: the work then fails like any other
 * failure, and is undone.
 */
#ifndef CRL_INTERRUPT_H
#define CRL_INTERRUPT_H

struct err;

/* Block them (1), or let them through (0). */
void interrupt_hold(int hold);

/* EINTR when one of them is waiting. */
int interrupt_check(struct err *err);

#endif
