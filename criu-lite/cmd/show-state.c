// SPDX-License-Identifier: GPL-2.0-only
/* Who a task is: see show-state.h. */
#include "cmd/json.h"
#include "cmd/show-state.h"
#include "snapshot/look.h"

const char *show_state_word(const struct look_task *task)
{
	switch (task->state) {
	case SNAP_ALIVE:
		return "running";
	case SNAP_DEAD:
		return "dead";
	case SNAP_STOPPED:
		return "stopped";
	}
	return "?";
}

void show_state_json(const struct look_task *task, struct json *j)
{
	json_signed(j, "pid", task->pid);
	json_signed(j, "ppid", task->ppid);
	json_signed(j, "pgid", task->pgid);
	json_signed(j, "sid", task->sid);
	json_text(j, "comm", task->comm);
	json_text(j, "state", show_state_word(task));
	if (task->state == SNAP_DEAD)
		json_unsigned(j, "wait_status", task->exit_code);
	if (task->stop_signal)
		json_unsigned(j, "stop_signal", task->stop_signal);
	json_array(j, "threads", true);
	for (unsigned i = 0; i < task->tids; i++)
		json_signed(j, NULL, i ? task->tid[i] : task->pid);
	json_array_end(j);
}
