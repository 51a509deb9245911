/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the threads that stand to the tree that is handed out. */
#ifndef CRL_FREEZE_TREE_H
#define CRL_FREEZE_TREE_H

struct err;
struct freezing;
struct frozen_tree;

#define TREE_CHANGED 1

/*
 * Fill an empty tree: 0, TREE_CHANGED when what /proc says does not fit what we
 * hold (and another pass is needed), or -errno. Only 0 leaves something in *tree.
 */
int tree_build(struct freezing *f, struct frozen_tree *tree, struct err *err);

#endif
