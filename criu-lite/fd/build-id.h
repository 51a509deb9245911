/* SPDX-License-Identifier: GPL-2.0-only */
/* The build id of a program or library: see build-id.c. */
#ifndef CRL_FD_BUILD_ID_H
#define CRL_FD_BUILD_ID_H

#include "proto/regfile.pb-c.h"

struct dump_task;
struct err;
struct files;

/* Note the build id in *reg, if the file behind the link below /proc/PID has one. */
void build_id_take(
	struct files *f, struct dump_task *t, const char *through, RegFileEntry *reg);

/* Does the file under the name still have it? */
int build_id_verify(const RegFileEntry *reg, struct err *err);

#endif
