/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of the table in discover.c. */
#ifndef CRL_DISCOVER_BACKENDS_H
#define CRL_DISCOVER_BACKENDS_H

struct discover_backend;

extern const struct discover_backend discover_children, discover_bpf;

#endif
