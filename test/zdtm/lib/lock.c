// SPDX-License-Identifier: GPL-2.0-only
/* Locks of files: see lock.h. */
#include "lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "zdtm.h"

int test_lock(int fd, int cmd, int type, off_t start, off_t length)
{
	struct flock fl = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length
	};

	return fcntl(fd, cmd, &fl);
}

pid_t test_lock_against(int fd, int cmd, int type, off_t start, off_t length,
	int *held_type, off_t *held_start, off_t *held_length)
{
	struct flock fl = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length
	};

	must(fcntl(fd, cmd, &fl));
	*held_type = fl.l_type;
	*held_start = fl.l_start;
	*held_length = fl.l_len;
	return fl.l_type == F_UNLCK ? 0 : fl.l_pid;
}

const char *test_locks(pid_t pid, int fd, bool pids)
{
	static char all[4096];
	char path[64], kind[16], type[16], start[24], end[24];
	const char *text;
	size_t used = 0;
	int taker;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	all[0] = '\0';
	for (text = test_read_file(path, NULL); text && (text = strstr(text, "lock:"));
		text++) {
		if (sscanf(text, "lock: %*d: %15s %*s %15s %d %*s %23s %23s", kind, type,
			    &taker, start, end) != 5)
			continue;
		used += snprintf(all + used, sizeof(all) - used, "%s %s ", kind, type);
		if (pids)
			used += snprintf(all + used, sizeof(all) - used, "%d ", taker);
		used += snprintf(all + used, sizeof(all) - used, "%s %s\n", start, end);
	}
	return all;
}
