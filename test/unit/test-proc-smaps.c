// SPDX-License-Identifier: GPL-2.0-only
/* maps, smaps and PROCMAP_QUERY: captured and nasty text, and our own memory. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crl/proc/procmap.h"
#include "crl/proc/smaps.h"
#include "proc/load.h"

#define BIT(flag) (1ULL << (flag))

static struct err err;

static void first_two(struct smaps *it)
{
	struct proc_vma vma;
	char name[64];
	size_t len;

	CU_ASSERT_EQUAL_FATAL(smaps_next(it, &vma, &err), 1);
	CU_ASSERT_EQUAL(vma.start, 0x400000);
	CU_ASSERT_EQUAL(vma.end, 0x401000);
	CU_ASSERT_EQUAL(vma.prot, PROT_READ | PROT_EXEC);
	CU_ASSERT_FALSE(vma.shared);
	CU_ASSERT_EQUAL(vma.pgoff, 0x1000);
	CU_ASSERT_EQUAL(vma.major, 0xfe);
	CU_ASSERT_EQUAL(vma.inode, 1234);
	CU_ASSERT_EQUAL(vma.pkey, 3);
	CU_ASSERT_EQUAL(vma.flags, BIT(VMA_RD) | BIT(VMA_EX) | BIT(VMA_MR) | BIT(VMA_MW) |
					   BIT(VMA_ME) | BIT(VMA_DW) | BIT(VMA_SD));
	CHECK_TEXT(vma.name, "/tmp/a b\\012c (deleted)");
	CU_ASSERT_FATAL(vma_name_deleted(&vma, &len));
	vma.name.len = len;
	proc_text_decode(vma.name, PROC_ESCAPED_MAPS, name, sizeof(name));
	CU_ASSERT_STRING_EQUAL(name, "/tmp/a b\nc");
	CU_ASSERT_EQUAL_FATAL(smaps_next(it, &vma, &err), 1);
	CU_ASSERT(vma.shared);
	CU_ASSERT_EQUAL(vma.pgoff, 0x7fffffffff000);
	CU_ASSERT_EQUAL(vma.inode, UINT64_MAX);
	CU_ASSERT_EQUAL(vma.pkey, -1);
	CU_ASSERT(vma_name_deleted(&vma, &len) && len == strlen("/dev/zero (deleted)"));
}

static void nasty(void)
{
	struct proc_text text = load("smaps-nasty");
	struct proc_vma vma;
	struct smaps it;
	size_t len;

	smaps_init(&it, text.s, text.len);
	first_two(&it);
	CU_ASSERT_EQUAL_FATAL(smaps_next(&it, &vma, &err), 1);
	CU_ASSERT_EQUAL(vma.prot, PROT_NONE);
	CU_ASSERT_EQUAL(vma.name.len, 0);
	CU_ASSERT_FALSE(vma_name_deleted(&vma, &len));
	CU_ASSERT_EQUAL(vma.flags,
		BIT(VMA_MR) | BIT(VMA_MW) | BIT(VMA_ME) | BIT(VMA_AC) | BIT(VMA_UNKNOWN));
	CU_ASSERT_STRING_EQUAL(vma.unknown, "zz ?? q abc ");
	CU_ASSERT_EQUAL_FATAL(smaps_next(&it, &vma, &err), 1);
	CHECK_TEXT(vma.name, "[anon:VmFlags: rd]");
	CU_ASSERT_EQUAL(vma.flags, 0);
	CU_ASSERT(vma.has_flags);
	CU_ASSERT_STRING_EQUAL(vma.unknown, "");
	CU_ASSERT_EQUAL_FATAL(smaps_next(&it, &vma, &err), 1);
	CU_ASSERT_EQUAL(vma.end, 0xffffffffff601000);
	CU_ASSERT(vma_has(&vma, VMA_EX));
	CU_ASSERT_EQUAL(smaps_next(&it, &vma, &err), 0);
	CU_ASSERT_EQUAL(smaps_next(&it, &vma, &err), 0);
	free((char *)text.s);
}

/* The same task, read both ways. */
static void captured(void)
{
	struct proc_text maps = load("maps-6.18"), smaps = load("smaps-6.18");
	struct proc_vma one, two;
	struct smaps a, b;
	int n = 0;

	smaps_init(&a, maps.s, maps.len);
	smaps_init(&b, smaps.s, smaps.len);
	while (smaps_next(&a, &one, &err) == 1) {
		CU_ASSERT_EQUAL_FATAL(smaps_next(&b, &two, &err), 1);
		CU_ASSERT_EQUAL(one.start, two.start);
		CU_ASSERT_EQUAL(one.end, two.end);
		CU_ASSERT_EQUAL(one.prot, two.prot);
		CU_ASSERT_EQUAL(one.name.len, two.name.len);
		CU_ASSERT_FALSE(one.has_flags);
		CU_ASSERT(two.has_flags);
		CU_ASSERT_EQUAL(!!(two.prot & PROT_WRITE), vma_has(&two, VMA_WR));
		CU_ASSERT_FALSE(vma_has(&two, VMA_UNKNOWN));
		n++;
	}
	CU_ASSERT_EQUAL(smaps_next(&b, &two, &err), 0);
	CU_ASSERT(n > 20);
	free((char *)maps.s);
	free((char *)smaps.s);
}

static void flag_names(void)
{
	char name[3], text[256] = "1-2 ---p 0 0:0 0\nVmFlags: ";
	struct proc_vma vma;
	struct smaps it;

	for (int flag = 0; flag <= VMA_MT; flag++) {
		vma_flag_name(flag, name);
		CU_ASSERT_EQUAL(strlen(name), 2);
		strcat(strcat(text, name), " ");
	}
	vma_flag_name(VMA_MT + 1, name);
	CU_ASSERT_STRING_EQUAL(name, "");
	smaps_init(&it, text, strlen(text));
	CU_ASSERT_EQUAL_FATAL(smaps_next(&it, &vma, &err), 1);
	CU_ASSERT_EQUAL(vma.flags, BIT(VMA_MT + 1) - 1);
}

static void parse_any(const char *text, size_t len)
{
	struct proc_vma vma;
	struct smaps it;
	int ret;

	smaps_init(&it, text, len);
	while ((ret = smaps_next(&it, &vma, &err)) == 1)
		;
	CU_ASSERT(ret == 0 || ret == -EINVAL);
}

static void malformed(void)
{
	static const char bad[] = "VmFlags: rd \n";
	struct proc_text text = load("smaps-nasty");
	struct proc_vma vma;
	struct smaps it;

	each_prefix(text, parse_any);
	smaps_init(&it, bad, sizeof(bad) - 1);
	CU_ASSERT_EQUAL(smaps_next(&it, &vma, &err), -EINVAL);
	free((char *)text.s);
}

/* A pipe delivers the text a few bytes at a time, across every boundary. */
static void streamed(void)
{
	struct proc_text text = load("smaps-nasty");

	for (size_t step = 1; step < 200; step += 7) {
		PROC_BUF_AUTO buf = { 0 };
		struct smaps it = { .fd = -1, .buf = &buf };
		struct proc_vma vma;
		int p[2], n = 0;
		pid_t child;

		CU_ASSERT_EQUAL_FATAL(pipe2(p, O_DIRECT), 0); /* packets */
		child = fork();
		if (child == 0) {
			for (size_t at = 0; at < text.len; at += step)
				if (write(p[1], text.s + at,
					    at + step < text.len ? step : text.len - at) <
					0)
					_exit(1);
			_exit(0);
		}
		close(p[1]);
		it.fd = p[0];
		first_two(&it);
		while (smaps_next(&it, &vma, &err) == 1)
			n++;
		CU_ASSERT_EQUAL(n, 3);
		smaps_close(&it);
	}
	free((char *)text.s);
}

#define MANY 3000

/* Alternating protections keep the kernel from merging neighbours. */
static char *make_many(void)
{
	char *area =
		mmap(NULL, MANY * 4096UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CU_ASSERT_PTR_NOT_EQUAL_FATAL(area, MAP_FAILED);
	for (size_t i = 0; i < MANY; i += 2)
		mprotect(area + i * 4096, 4096, PROT_NONE);
	return area;
}

static size_t count_many(const char *area, const char *file)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	uint64_t start = (uintptr_t)area, end = start + MANY * 4096UL, last = 0;
	PROC_BUF_AUTO buf = { 0 };
	struct proc_vma vma;
	struct smaps it;
	size_t n = 0;

	CU_ASSERT_EQUAL_FATAL(smaps_open(&it, dir, file, &buf, &err), 0);
	while (smaps_next(&it, &vma, &err) == 1) {
		CU_ASSERT(vma.start >= last && vma.end > vma.start);
		last = vma.end;
		if (vma.start >= start && vma.end <= end)
			n++;
	}
	smaps_close(&it);
	CU_ASSERT(buf.cap <= 1 << 17);
	close(dir);
	return n;
}

static void own(void)
{
	char *area = make_many();

	/* The first or the last may have merged with a neighbour. */
	CU_ASSERT(count_many(area, "maps") >= MANY - 1);
	CU_ASSERT(count_many(area, "smaps") >= MANY - 1);
	munmap(area, MANY * 4096UL);
}

static bool same_vma(const struct proc_vma *a, const struct proc_vma *b)
{
	return a->start == b->start && a->end == b->end && a->prot == b->prot &&
	       a->pgoff == b->pgoff && a->shared == b->shared && a->inode == b->inode &&
	       a->major == b->major && a->minor == b->minor &&
	       a->name.len == b->name.len &&
	       memcmp(a->name.s, b->name.s, a->name.len) == 0;
}

static void query(void)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY);
	int fd = openat(dir, "maps", O_RDONLY);
	PROC_BUF_AUTO buf = { 0 };
	struct proc_vma vma, asked;
	char name[4096];
	struct smaps it;
	int ret, n = 0;

	ret = procmap_query(fd, 0, &asked, name, sizeof(name), &err);
	if (ret == -ENOTTY) {
		printf("no PROCMAP_QUERY in this kernel: ");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(smaps_open(&it, dir, "maps", &buf, &err), 0);
	while (smaps_next(&it, &vma, &err) == 1) {
		if (vma.start >> 63)
			break; /* [vsyscall] */
		ret = procmap_query(fd, vma.end - 1, &asked, name, sizeof(name), &err);
		CU_ASSERT_EQUAL(ret, 1);
		CU_ASSERT(same_vma(&vma, &asked));
		n++;
	}
	CU_ASSERT(n > 10);
	CU_ASSERT_EQUAL(procmap_query(fd, vma.start - 4096, &asked, NULL, 0, &err), 0);
	smaps_close(&it);
	close(fd);
	close(dir);
}

int main(void)
{
	static const struct test tests[] = {
		{ "hand-made text", nasty },
		{ "captured text", captured },
		{ "flag names", flag_names },
		{ "malformed text", malformed },
		{ "streamed text", streamed },
		{ "own memory", own },
		{ "PROCMAP_QUERY", query },
	};

	return RUN_TESTS("smaps", tests);
}
