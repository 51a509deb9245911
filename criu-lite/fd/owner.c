// SPDX-License-Identifier: GPL-2.0-only
/* The owner of an open file: see owner.h. Set before O_ASYNC, which it serves. */
#include <errno.h>
#include <fcntl.h>

#include "crl/err.h"
#include "fd/owner.h"

int fd_set_owner(int fd, const FownEntry *owner, struct err *err)
{
	struct f_owner_ex to;

	if (!owner || !owner->pid)
		return 0;
	to = (struct f_owner_ex){ .type = owner->pid_type, .pid = owner->pid };
	if (fcntl(fd, F_SETSIG, owner->signum) || fcntl(fd, F_SETOWN_EX, &to))
		return err_os(err, errno, "set its owner, pid %u", owner->pid);
	return 0;
}
