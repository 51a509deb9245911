/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The look back at the whole tree: see back.c. */
#ifndef CRL_FREEZE_BACK_H
#define CRL_FREEZE_BACK_H

struct err;
struct freezing;

/* Meet everybody again, descendants first; for a tree that has been listed before. */
int look_back(struct freezing *f, struct err *err);

#endif
