/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The transaction of an image directory: a dump appears in it whole or not at
 * all. Files are created in a private directory inside of it (dir.fd) and move
 * up together.
 */
#ifndef CRL_IMAGE_DIR_H
#define CRL_IMAGE_DIR_H

struct err;

struct image_dir {
	int target;    /* where the dump is to be; -1: the transaction is over */
	int fd;	       /* the private directory, for openat(); locked while we live */
	char name[16]; /* of the private directory */
};

/*
 * Begins a dump into the directory target_fd, which stays the caller's. What a
 * killed crl has left there is removed. Fails with EEXIST if it holds a dump or
 * images, EBUSY if another crl writes there, or as the system says if it cannot
 * be written to. The lock goes with the descriptor: a child must not keep it.
 */
int image_dir_begin(struct image_dir *dir, int target_fd, struct err *err);

/*
 * Makes the files durable and moves them into the target, inventory.img last.
 * On failure nothing of the dump is left in the target; abort is still to be
 * called. On success the transaction is over.
 */
int image_dir_commit(struct image_dir *dir, struct err *err);

/* Removes all that was written. Does nothing to a transaction that is over. */
void image_dir_abort(struct image_dir *dir);

#endif
