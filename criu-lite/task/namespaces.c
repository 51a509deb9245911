// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces: /proc/PID/ns/NAME reads "NAME:[inode]". A task in other ones than
 * those of crl is refused as long as namespaces are not carried.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/proc/records.h"
#include "snapshot/obstacles.h"
#include "task/namespaces.h"
#include "task/task.h"

static const char *const names[NAMESPACES] = { "ns/pid", "ns/net", "ns/ipc", "ns/uts",
	"ns/time", "ns/mnt", "ns/user", "ns/cgroup" };

int namespaces_read(int proc, uint64_t inode[NAMESPACES], struct err *err)
{
	for (int i = 0; i < NAMESPACES; i++) {
		char text[64];
		ssize_t n = readlinkat(proc, names[i], text, sizeof(text) - 1);
		const char *number;

		inode[i] = 0;
		if (n < 0 && errno == ENOENT)
			continue; /* a kernel without this kind */
		if (n < 0)
			return err_os(err, errno, "read %s", names[i]);
		text[n] = '\0';
		number = strchr(text, '[');
		inode[i] = number ? strtoull(number + 1, NULL, 10) : 0;
	}
	return 0;
}

int namespaces_check(struct dump_task *t, struct namespaces *ns, struct err *err)
{
	const struct task_record *rec = t->record;
	uint64_t inode[NAMESPACES];
	bool same = true;
	int ret;

	if (rec && rec->nsproxy == ns->seen[0] && rec->user_ns == ns->seen[1])
		return 0;
	ret = namespaces_read(t->proc, inode, err);
	for (int i = 0; i < NAMESPACES && !ret; i++) {
		if (inode[i] == ns->own[i])
			continue;
		same = false;
		obstacles_add(t->obstacles, t->pid, t->stat.comm,
			"run crl in the same namespaces (nsenter)",
			"is in another %s namespace than crl", names[i] + 3);
	}
	if (rec && !ret && same) {
		ns->seen[0] = rec->nsproxy;
		ns->seen[1] = rec->user_ns;
	}
	return ret;
}
