// SPDX-License-Identifier: GPL-2.0-only
/* Code made at run time: a page written and then made executable, and one that is both.
 */
#include "zdtm.h"

#include <string.h>
#include <sys/mman.h>

typedef int code_fn(void);

/* Code made at run time: a page written, then executable, and one that is both. */
static size_t emit(unsigned char *p, uint16_t n)
{
#if defined(__x86_64__)
	const unsigned char code[] = { 0xb8, n & 0xff, n >> 8, 0, 0, 0xc3 };
#elif defined(__aarch64__)
	const uint32_t code[] = { 0x52800000 | n << 5, 0xd65f03c0 };
#else
	const unsigned char code[] = { 0 };
#endif
	memcpy(p, code, sizeof(code));
	__builtin___clear_cache((char *)p, (char *)p + sizeof(code));
	return sizeof(code);
}

static int call(const void *p)
{
	return ((code_fn *)p)();
}

int main(int argc, char **argv)
{
	struct test_map was[2];
	unsigned char *rx, *rwx;

	test_init(argc, argv);
#if !defined(__x86_64__) && !defined(__aarch64__)
	return test_skip("no machine code for this architecture");
#endif
	rx = must(mmap(test_room(PAGE), PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	rwx = must(mmap(test_room(PAGE), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	emit(rx, 1111);
	emit(rwx, 2222);
	must(mprotect(rx, PAGE, PROT_READ | PROT_EXEC));
	if (call(rx) != 1111 || call(rwx) != 2222)
		return fail("the code does not work to begin with");
	test_find_map(rx, &was[0]);
	test_find_map(rwx, &was[1]);
	test_daemon();
	test_waitsig();
	sabotage("prot", mprotect(rx, PAGE, PROT_READ));
	sabotage("rwx-prot", mprotect(rwx, PAGE, PROT_READ | PROT_EXEC));
	sabotage("content", emit(rwx, 3));
	if (test_check_map(rx, &was[0]) || test_check_map(rwx, &was[1]))
		return 1;
	if (call(rx) != 1111 || call(rwx) != 2222)
		return fail("the code returns %d and %d", call(rx), call(rwx));
	emit(rwx, 4444);
	if (call(rwx) != 4444)
		return fail("new code in the old page does not work");
	pass();
	return 0;
}
