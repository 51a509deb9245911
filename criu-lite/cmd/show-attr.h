/* SPDX-License-Identifier: GPL-2.0-only */
/* Attributes of a task in a dump, as lines of text or members of the open object. */
#ifndef CRL_CMD_SHOW_ATTR_H
#define CRL_CMD_SHOW_ATTR_H

#include "proto/core.pb-c.h"

struct json;

/* Each accepts NULL: the dump does not say. */
void show_creds(const CredsEntry *c, struct json *j);
void show_signals(const TaskCoreEntry *tc, struct json *j);
void show_timers(const TaskTimersEntry *timers, struct json *j);
void show_limits(const TaskRlimitsEntry *limits, struct json *j);

/* Which signals are in a queue of pending ones: bit n-1 is signal n. */
uint64_t show_queue_mask(const SignalQueueEntry *queue);

#endif
