/* SPDX-License-Identifier: GPL-2.0-only */
/* What is said of a task everywhere: who it is and in which state. */
#ifndef CRL_CMD_SHOW_STATE_H
#define CRL_CMD_SHOW_STATE_H

struct json;
struct look_task;

/* "running", "stopped", "dead", or "?"; look_task() was called for it. */
const char *show_state_word(const struct look_task *task);

/* Members of the open object: pid, ppid, pgid, sid, comm, state, threads. */
void show_state_json(const struct look_task *task, struct json *j);

#endif
