/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CRL_VERSION_H
#define CRL_VERSION_H

#define CRL_VERSION "0.1"

#endif
