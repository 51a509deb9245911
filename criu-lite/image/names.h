/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names in a directory, taken in one go, so that files may be removed or
 * renamed while the list is walked. It can be stored in a file and loaded again.
 */
#ifndef CRL_IMAGE_NAMES_H
#define CRL_IMAGE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
	uint64_t ino;
	char *name; /* owned by the list */
};

/* Starts as all zeros. */
struct names {
	struct name *list;
	size_t nr, room;
};

/* All but "." and "..", in no order. These return 0 or a negative errno. */
int names_read(struct names *names, int dirfd);
int names_store(const struct names *names, int dirfd, const char *file);
int names_load(struct names *names, int dirfd, const char *file);

bool names_have(const struct names *names, const char *name);

void names_deinit(struct names *names);

/* Whether a name ends in ".img". */
bool name_is_image(const char *name);

#endif
