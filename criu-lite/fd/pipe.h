/* SPDX-License-Identifier: GPL-2.0-only */
/* What pipes and fifos share: see pipe.c. */
#ifndef CRL_FD_PIPE_H
#define CRL_FD_PIPE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct fd_view;
struct files;
struct image_writer;

/*
 * Write the record of a pipe's buffer and its contents, without taking anything
 * out of it. `fd` is either end.
 */
int pipe_write_data(struct files *f, int fd, uint32_t pipe_id, struct image_writer *w,
	struct err *err);

/* Put contents of an image into an empty pipe, with the packets as they were. */
int pipe_fill(int writer, const void *record, const uint8_t *data, struct err *err);

#endif
