/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own descriptors and memory free themselves when they go out of scope:
 *
 *	auto_fd int fd = open(...);
 *	auto_free char *text = NULL;
 *	return fd_steal(&fd);		hand ownership to the caller
 */
#ifndef CRL_AUTO_H
#define CRL_AUTO_H

#include <stdlib.h>
#include <unistd.h>

static inline void auto_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void auto_free_free(void *p)
{
	free(*(void **)p);
}

static inline int fd_steal(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#define auto_fd	  __attribute__((cleanup(auto_fd_close)))
#define auto_free __attribute__((cleanup(auto_free_free)))

#endif
