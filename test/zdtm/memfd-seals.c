// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seals of memfds: each, and those that go together; what they forbid is forbidden, and
 * what they do not is not. A writable mapping that is older than F_SEAL_FUTURE_WRITE goes
 * on writing.
 */
#include "zdtm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#endif

#define SIZE	    (2 * PAGE)
#define WRITE_SEALS (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static struct sealed {
	unsigned flags;
	int seals;
	bool mapped; /* shared and writable, before it is sealed */
	int fd, found;
	mode_t mode;
	char *map;
} list[] = {
	{ .flags = 0 },
	{ .flags = MFD_ALLOW_SEALING },
	{ .flags = MFD_ALLOW_SEALING, .seals = F_SEAL_SEAL },
	{ .flags = MFD_ALLOW_SEALING, .seals = F_SEAL_SHRINK },
	{ .flags = MFD_ALLOW_SEALING, .seals = F_SEAL_GROW },
	{ .flags = MFD_ALLOW_SEALING, .seals = F_SEAL_WRITE },
	{ .flags = MFD_ALLOW_SEALING, .seals = F_SEAL_FUTURE_WRITE },
	{ .flags = MFD_ALLOW_SEALING, .seals = F_SEAL_FUTURE_WRITE, .mapped = true },
	{ .flags = MFD_ALLOW_SEALING,
		.seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL,
		.mapped = true },
	{ .flags = MFD_ALLOW_SEALING,
		.seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL },
	{ .flags = MFD_NOEXEC_SEAL },
	{ .flags = MFD_NOEXEC_SEAL, .seals = F_SEAL_GROW | F_SEAL_SEAL, .mapped = true },
	{ .flags = MFD_ALLOW_SEALING, .seals = F_SEAL_EXEC },
};
enum { COUNT = sizeof(list) / sizeof(list[0]) };

/* A kernel before 6.3 knows neither MFD_NOEXEC_SEAL nor F_SEAL_EXEC. */
static bool known(void)
{
	int fd = memfd_create("probe", MFD_NOEXEC_SEAL);

	close(fd);
	return fd >= 0;
}

static void make(struct sealed *s, int seed)
{
	char text[SIZE];
	struct stat st;

	s->fd = must(memfd_create("sealed", s->flags));
	fill_pattern(text, SIZE, seed);
	must(write(s->fd, text, SIZE));
	if (s->mapped)
		s->map = must(
			mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0));
	if (s->seals)
		must(fcntl(s->fd, F_ADD_SEALS, s->seals));
	s->found = must(fcntl(s->fd, F_GET_SEALS));
	must(fstat(s->fd, &st));
	s->mode = st.st_mode;
}

/* A call is forbidden exactly when there is a seal against it. */
static bool obeys(const char *what, int result, int forbidden)
{
	if (forbidden ? result == -1 && errno == EPERM : result != -1)
		return true;
	fail("%s: %d, %m", what, result);
	return false;
}

static int map_shared(int fd)
{
	void *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? -1 : munmap(at, SIZE);
}

static int check(struct sealed *s, int seed)
{
	char text[SIZE];
	struct stat st;
	int seals = must(fcntl(s->fd, F_GET_SEALS));

	must(fstat(s->fd, &st));
	if (seals != s->found || st.st_mode != s->mode)
		return fail("%d: seals %#x, were %#x; mode %o, was %o", seed, seals,
			s->found, st.st_mode, s->mode);
	must(pread(s->fd, text, SIZE, 0));
	if (!check_pattern(text, SIZE, seed))
		return fail("%d: contents differ", seed);
	if (s->map) {
		memcpy(s->map + PAGE, "through", 7);
		if (pread(s->fd, text, 7, PAGE) != 7 || memcmp(text, "through", 7))
			return fail("%d: the old mapping does not write", seed);
	}
	if (obeys("write", pwrite(s->fd, "x", 1, 0), seals & WRITE_SEALS) &&
		obeys("map", map_shared(s->fd), seals & WRITE_SEALS) &&
		obeys("grow", ftruncate(s->fd, 2 * SIZE), seals & F_SEAL_GROW) &&
		obeys("shrink", ftruncate(s->fd, PAGE), seals & F_SEAL_SHRINK) &&
		obeys("execution", fchmod(s->fd, s->mode ^ 0100), seals & F_SEAL_EXEC) &&
		obeys("seal", fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK),
			seals & F_SEAL_SEAL))
		return 0;
	return fail("%d: with seals %#x", seed, seals);
}

int main(int argc, char **argv)
{
	int count;

	test_init(argc, argv);
	count = known() ? COUNT : COUNT - 3;
	for (int i = 0; i < count; i++)
		make(&list[i], i);
	test_daemon();
	test_waitsig();
	sabotage("born-sealed",
		dup2(must(memfd_create("sealed", MFD_ALLOW_SEALING)), list[0].fd));
	sabotage("one-more", must(fcntl(list[3].fd, F_ADD_SEALS, F_SEAL_GROW)));
	sabotage("mapping", mmap(list[7].map, SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_FIXED, list[7].fd, 0));
	sabotage("content", must(pwrite(list[4].fd, "x", 1, PAGE)));
	sabotage("mode", must(fchmod(list[5].fd, 0666)));
	for (int i = 0; i < count; i++)
		if (check(&list[i], i))
			return 1;
	pass();
	return 0;
}
