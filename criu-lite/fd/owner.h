/* SPDX-License-Identifier: GPL-2.0-only */
/* What every open file has besides its object: who gets SIGIO for it. */
#ifndef CRL_FD_OWNER_H
#define CRL_FD_OWNER_H

#include "proto/fown.pb-c.h"

struct err;

/* Set the owner and signal of an image on a descriptor of ours; nothing to do for NULL.
 */
int fd_set_owner(int fd, const FownEntry *owner, struct err *err);

#endif
