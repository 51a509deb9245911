// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memfd of huge pages is refused. An open one needs no huge page to exist, and so this
 * runs wherever the kernel has hugetlbfs.
 *
 * zdtm: dump-fails="a memfd of huge pages (MFD_HUGETLB) is not carried yet"
 */
#include "zdtm.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct stat st;
	int fd;

	test_init(argc, argv);
	fd = memfd_create("huge", MFD_HUGETLB);
	if (fd < 0 && (errno == EINVAL || errno == ENODEV || errno == EPERM))
		return test_skip("this kernel has no huge pages, or does not give them "
				 "to this user");
	must(fd);
	must(ftruncate(fd, 2 << 20));
	test_daemon();
	test_waitsig();
	must(fstat(fd, &st));
	if (st.st_size != 2 << 20)
		return fail("size %lld", (long long)st.st_size);
	pass();
	return 0;
}
