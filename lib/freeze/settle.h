/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the stops of a thread mean while its tree is being frozen. */
#ifndef CRL_FREEZE_SETTLE_H
#define CRL_FREEZE_SETTLE_H

#include <stddef.h>

struct err;
struct freezing;

/*
 * Hear what thread f->set.v[at] has to say, waiting for it or, with WNOHANG in
 * flags, not: 1 something happened, 0 nothing to hear, -EINTR a tick, -errno.
 * The set may have grown after that.
 */
int settle_one(struct freezing *f, size_t at, int flags, struct err *err);

/* The thread is ours no longer. */
void settle_lost(struct freezing *f, size_t at);

#endif
