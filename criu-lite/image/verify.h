/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Comparing the files of a dump with its checksum list. An error names the file,
 * for page files also the bytes, and is always the first in order of names, also
 * when several threads looked.
 */
#ifndef CRL_IMAGE_VERIFY_H
#define CRL_IMAGE_VERIFY_H

struct err;
struct sums;

enum verify_what {
	VERIFY_ALL,
	VERIFY_PAGES, /* only what is hashed in chunks: the caller checks the rest as it
			 loads it */
};

enum verify_answer { VERIFY_NO_SUMS = 1 }; /* a sound dump, but without checksums */

/* The images in the directory are those that are listed. */
int verify_names(const struct sums *sums, int dirfd, struct err *err);

/* The listed files are there, as long as they should be and unchanged. nr_threads >= 1.
 */
int verify_files(const struct sums *sums, int dirfd, enum verify_what what,
	unsigned int nr_threads, struct err *err);

/* Everything: the inventory, the list, its files. May return VERIFY_NO_SUMS. */
int verify_dump(int dirfd, unsigned int nr_threads, struct err *err);

#endif
