/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The processes of a cgroup and of the cgroups below it. */
#ifndef CRL_FREEZE_MEMBERS_H
#define CRL_FREEZE_MEMBERS_H

struct err;
struct proc_ids;

/* Append them to out, in no order; -EOPNOTSUPP for a threaded cgroup of version 2. */
int members_list(const char *path, struct proc_ids *out, struct err *err);

#endif
