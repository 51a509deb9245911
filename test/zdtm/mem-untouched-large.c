// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reservation of 1 TiB with three pages touched costs three pages in the
 * images, and no more memory afterwards.
 *
 * zdtm: max-dump=512K timeout=240
 */
#include "zdtm.h"

#include <errno.h>
#include <sys/mman.h>

#define SIZE (1ULL << 40)

static const size_t touched[] = { 0, (SIZE >> 1) + 5 * PAGE, SIZE - PAGE };

int main(int argc, char **argv)
{
	struct test_map was, is;
	char *p;

	test_init(argc, argv);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED && errno == ENOMEM)
		return test_skip("this machine does not let a task reserve 1 TiB");
	madvise(p, SIZE, MADV_NOHUGEPAGE); /* fails where there are none */
	for (int i = 0; i < 3; i++)
		fill_pattern(p + touched[i], PAGE, i);
	test_find_map(p, &was);
	test_daemon();
	test_waitsig();
	sabotage("content", p[touched[1] + 9]++);
	sabotage("size", mprotect(p + SIZE - PAGE, PAGE, PROT_READ));
	sabotage("resident", p[123 * PAGE] = 0);
	sabotage("reserve", mmap(p, PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		 madvise(p, PAGE, MADV_NOHUGEPAGE));
	if (test_check_map(p, &was) || !test_find_map(p, &is))
		return 1;
	if (is.rss != was.rss)
		return fail("%ld KiB are resident, were %ld", is.rss, was.rss);
	for (int i = 0; i < 3; i++)
		if (!check_pattern(p + touched[i], PAGE, i))
			return fail("page at %#zx differs", touched[i]);
	if (p[PAGE] || p[SIZE / 4] || p[SIZE - PAGE - 1])
		return fail("an untouched page is not zero");
	pass();
	return 0;
}
