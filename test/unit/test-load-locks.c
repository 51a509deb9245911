// SPDX-License-Identifier: GPL-2.0-only
/* filelocks.img as a restore reads it: what is believed, in which order it comes, and
 * what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fd/locks.h"
#include "image/hash.h"
#include "proc/load.h"
#include "snapshot/internal.h"

#define MAX INT64_MAX

static struct err err;
static char dir[] = "/tmp/crl-unit-XXXXXX";
static int images;

struct lock {
	uint32_t flag, type;
	int32_t pid, fd;
	int64_t start, len;
};

static void write_image(const struct lock *lock, size_t n)
{
	struct image_writer w = { 0 };
	struct image_sum sum;

	unlinkat(images, "filelocks.img", 0);
	CU_ASSERT_EQUAL_FATAL(image_writer_start(&w, IMAGE_FILELOCKS, 0, &err), 0);
	for (size_t i = 0; i < n; i++) {
		FileLockEntry e = FILE_LOCK_ENTRY__INIT;

		e.flag = lock[i].flag;
		e.type = lock[i].type;
		e.pid = lock[i].pid;
		e.fd = lock[i].fd;
		e.start = lock[i].start;
		e.len = lock[i].len;
		CU_ASSERT_EQUAL_FATAL(image_writer_record(&w, &e.base, &err), 0);
	}
	CU_ASSERT_EQUAL_FATAL(image_writer_finish(&w, images, &sum, &err), 0);
	image_writer_deinit(&w);
}

/* Pid 10 has fd 0 and 5, pid 20 is dead, pid 30 has fd 7. */
static int load_into(struct snapshot *s)
{
	static struct snap_fd ten[] = { { .fd = 0 }, { .fd = 5 } },
			      thirty[] = { { .fd = 7 } };
	static struct snap_task task[] = { { .pid = 10, .fds = ten, .n_fds = 2 },
		{ .pid = 20, .state = SNAP_DEAD },
		{ .pid = 30, .fds = thirty, .n_fds = 1 } };
	static InventoryEntry inventory;

	inventory_entry__init(&inventory);
	inventory.img_version = IMAGE_VERSION;
	*s = (struct snapshot){
		.dir = images, .inventory = &inventory, .task = task, .tasks = 3
	};
	s->by_pid = calloc(PID_MAX, sizeof(*s->by_pid));
	CU_ASSERT_FATAL(s->by_pid != NULL);
	for (size_t i = 0; i < s->tasks; i++)
		s->by_pid[task[i].pid] = i + 1;
	arena_init(&s->arena);
	arena_init(&s->scratch);
	return snapshot_load_locks(s, &err);
}

static void absent(void)
{
	struct snapshot s;

	unlinkat(images, "filelocks.img", 0);
	CU_ASSERT_EQUAL(load_into(&s), 0);
	CU_ASSERT_EQUAL(s.locks, 0);
	snapshot_deinit(&s);
}

static void ordered(void)
{
	static const struct lock good[] = {
		{ FILE_LOCK_LEASE, FILE_LOCK_READ, 10, 5, 0, 0 },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 30, 7, MAX, 1 },
		{ FILE_LOCK_OFD, FILE_LOCK_READ, 10, 0, 0, 0 },
		{ FILE_LOCK_FLOCK, FILE_LOCK_WRITE, 30, 7, 0, 0 },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, 5, 1, MAX },
	};
	static const size_t task[] = { 0, 0, 2, 2, 0 };
	struct snapshot s;

	write_image(good, 5);
	CU_ASSERT_EQUAL_FATAL(load_into(&s), 0);
	CU_ASSERT_EQUAL_FATAL(s.locks, 5);
	for (int i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(s.lock[i].task, task[i]);
	CU_ASSERT_EQUAL(s.lock[4].entry->flag, FILE_LOCK_LEASE);
	snapshot_deinit(&s);
}

static void refused(void)
{
	static const struct lock bad[] = {
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 11, 5, 0, 1 }, /* nobody */
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 20, 0, 0, 1 }, /* dead */
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, 7, 0, 1 }, /* another's */
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, -1, 0, 1 },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, -10, 5, 0, 1 },
		{ FILE_LOCK_POSIX, 2, 10, 5, 0, 1 },
		{ FILE_LOCK_FLOCK, 32, 10, 5, 0, 0 },
		{ FILE_LOCK_LEASE, FILE_LOCK_BREAKING, 10, 5, 0, 0 },
		{ 0, FILE_LOCK_WRITE, 10, 5, 0, 0 },
		{ 3, FILE_LOCK_WRITE, 10, 5, 0, 0 },
		{ 1u << 31, FILE_LOCK_WRITE, 10, 5, 0, 0 },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, 5, -1, 1 },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, 5, 0, -1 },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, 5, INT64_MIN, INT64_MIN },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, 5, 2, MAX },
		{ FILE_LOCK_POSIX, FILE_LOCK_WRITE, 10, 5, MAX, 2 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct snapshot s;

		write_image(&bad[i], 1);
		if (load_into(&s) >= 0) {
			CU_FAIL("believed");
			printf("row %zu was believed\n", i);
		}
		CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "filelocks.img: "));
		snapshot_deinit(&s);
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "no image", absent },
		{ "the order", ordered },
		{ "what is refused", refused },
	};
	int ret;

	if (!mkdtemp(dir))
		return 1;
	images = open(dir, O_DIRECTORY | O_CLOEXEC);
	ret = RUN_TESTS("load-locks", tests);
	unlinkat(images, "filelocks.img", 0);
	close(images);
	rmdir(dir);
	return ret;
}
