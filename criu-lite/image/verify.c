// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing files with their checksums: see verify.h.
 *
 * The work is cut into pieces: a small file, or 16 chunks of a page file. Threads
 * take them in order from one counter, and whoever finds damage stops the
 * counter. All pieces before the damaged one have then been taken, so the error
 * with the lowest number is the same at every run. Files are read with pread()
 * into a buffer that stays in the cache of the core; mapping them would cost page
 * faults, and a signal should somebody truncate one meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "crl/fault.h"
#include "image/hash.h"
#include "image/inventory.h"
#include "image/names.h"
#include "image/sums.h"
#include "image/verify.h"
#include "proto/inventory.pb-c.h"

#define BLOCK	     (128u << 10) /* bytes a read */
#define PIECE_CHUNKS 16
#define THREADS_MAX  64

struct piece {
	const struct sums_entry *file;
	uint64_t first, end; /* chunks; 0 and 1 for a file hashed as a whole */
};

struct job {
	int dirfd;
	struct piece *pieces;
	size_t nr;
	atomic_size_t next;
	atomic_bool stop;
	pthread_mutex_t lock; /* of what follows */
	size_t failed;	      /* lowest number of a piece that failed */
	struct err *err;
};

struct scratch {
	struct XXH3_state_s *state;
	uint8_t *block;
	struct err err;
};

static int hash_range(int fd, const struct sums_entry *f, uint64_t start, uint64_t end,
	struct scratch *s, uint64_t *hash)
{
	image_hash_reset(s->state);
	while (start < end) {
		ssize_t n = FAULT(VERIFY_READ)
				    ? -1
				    : pread(fd, s->block,
					      end - start < BLOCK ? end - start : BLOCK,
					      start);

		if (n < 0)
			return err_os(&s->err, errno, "%s: read", f->name);
		if (n == 0)
			return sums_check_size(f, start, &s->err);
		image_hash_update(s->state, s->block, n);
		start += n;
	}
	*hash = image_hash_digest(s->state);
	return 0;
}

static int missing(const struct sums_entry *f, struct err *err)
{
	return err_set(err, EBADMSG,
		"%s: missing; the dump is incomplete, use another copy", f->name);
}

static int open_listed(int dirfd, const struct sums_entry *f, struct err *err)
{
	struct stat st;
	auto_fd int fd = openat(dirfd, f->name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int ret;

	if (fd < 0 && errno == ENOENT)
		return missing(f, err);
	if (fd < 0 && errno == ELOOP)
		return err_set(err, EBADMSG, "%s: is a symbolic link", f->name);
	if (FAULT(VERIFY_OPEN) || fd < 0 || fstat(fd, &st))
		return err_os(err, errno, "%s: open", f->name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EBADMSG, "%s: is not a regular file", f->name);
	ret = sums_check_size(f, st.st_size, err);
	return ret ? ret : fd_steal(&fd);
}

static int check_piece(const struct job *job, const struct piece *p, struct scratch *s)
{
	const struct sums_entry *f = p->file;
	auto_fd int fd = open_listed(job->dirfd, f, &s->err);
	uint64_t hash = 0;
	int ret;

	if (fd < 0)
		return fd;
	if (!f->chunk_size) {
		ret = hash_range(fd, f, 0, f->size, s, &hash);
		if (!ret && hash != f->hash)
			ret = err_set(&s->err, EBADMSG,
				"%s: does not match its checksum; the dump is damaged, "
				"use another copy",
				f->name);
		return ret;
	}
	for (uint64_t i = p->first; i < p->end; i++) {
		uint64_t start = i * f->chunk_size, end = start + f->chunk_size;

		if (end > f->size)
			end = f->size;
		ret = hash_range(fd, f, start, end, s, &hash);
		if (!ret && hash != f->chunks[i])
			ret = err_set(&s->err, EBADMSG,
				"%s: bytes %llu-%llu do not match their checksum; the "
				"dump is damaged, use another copy",
				f->name, (unsigned long long)start,
				(unsigned long long)end);
		if (ret)
			return ret;
	}
	return 0;
}

static void report(struct job *job, size_t piece, const struct err *err)
{
	atomic_store(&job->stop, true);
	pthread_mutex_lock(&job->lock);
	if (piece < job->failed) {
		job->failed = piece;
		*job->err = *err;
	}
	pthread_mutex_unlock(&job->lock);
}

static void *worker(void *arg)
{
	struct job *job = arg;
	struct scratch s = { .state = image_hash_new(), .block = malloc(BLOCK) };

	while (!atomic_load(&job->stop)) {
		size_t i = atomic_fetch_add(&job->next, 1);

		if (i >= job->nr)
			break;
		if (!s.state || !s.block)
			err_os(&s.err, ENOMEM, "verify");
		else if (!check_piece(job, &job->pieces[i], &s))
			continue;
		report(job, i, &s.err);
	}
	image_hash_free(s.state);
	free(s.block);
	return NULL;
}

/* The caller's thread works too, and alone if no other can be had. */
static void run(struct job *job, unsigned int nr_threads)
{
	pthread_t threads[THREADS_MAX];
	unsigned int nr = 0;

	if (nr_threads > THREADS_MAX)
		nr_threads = THREADS_MAX;
	while (nr + 1 < nr_threads && nr + 1 < job->nr &&
		!pthread_create(&threads[nr], NULL, worker, job))
		nr++;
	worker(job);
	while (nr)
		pthread_join(threads[--nr], NULL);
}

/* How many pieces a file is; fills them in if there is a place for them. */
static size_t cut(const struct sums_entry *f, enum verify_what what, struct piece *pieces)
{
	size_t nr = 0;

	if (!f->chunk_size && what == VERIFY_PAGES)
		return 0;
	/* An empty page file is one piece too: it must be there, and empty. */
	for (uint64_t i = 0; i < f->nr_chunks || nr == 0; i += PIECE_CHUNKS) {
		uint64_t end =
			i + PIECE_CHUNKS < f->nr_chunks ? i + PIECE_CHUNKS : f->nr_chunks;

		if (pieces)
			pieces[nr] = (struct piece){ .file = f, .first = i, .end = end };
		nr++;
	}
	return nr;
}

int verify_files(const struct sums *sums, int dirfd, enum verify_what what,
	unsigned int nr_threads, struct err *err)
{
	struct job job = { .dirfd = dirfd, .failed = SIZE_MAX, .err = err };
	size_t at = 0;

	for (size_t i = 0; i < sums_count(sums); i++)
		job.nr += cut(sums_entry(sums, i), what, NULL);
	if (!job.nr)
		return 0;
	job.pieces = reallocarray(NULL, job.nr, sizeof(*job.pieces));
	if (!job.pieces)
		return err_os(err, ENOMEM, "verify");
	for (size_t i = 0; i < sums_count(sums); i++)
		at += cut(sums_entry(sums, i), what, job.pieces + at);
	pthread_mutex_init(&job.lock, NULL);
	run(&job, nr_threads);
	pthread_mutex_destroy(&job.lock);
	free(job.pieces);
	return job.failed == SIZE_MAX ? 0 : -err->code;
}

static bool wanted(const struct sums_entry *f)
{
	return name_is_image(f->name);
}

/* Names the first image that is not there. */
static int say_missing(const struct sums *sums, int dirfd, struct err *err)
{
	for (size_t i = 0; i < sums_count(sums); i++) {
		const struct sums_entry *f = sums_entry(sums, i);

		if (wanted(f) && faccessat(dirfd, f->name, F_OK, AT_SYMLINK_NOFOLLOW))
			return missing(f, err);
	}
	return 0;
}

int verify_names(const struct sums *sums, int dirfd, struct err *err)
{
	struct names names = { 0 };
	size_t found = 0, listed = 0;
	int ret = names_read(&names, dirfd);

	if (ret)
		err_os(err, -ret, "read the directory");
	for (size_t i = 0; i < sums_count(sums); i++)
		listed += wanted(sums_entry(sums, i));
	for (size_t i = 0; i < names.nr && !ret; i++) {
		const char *name = names.list[i].name;

		if (!name_is_image(name) || !strcmp(name, SUMS_FILE) ||
			!strcmp(name, INVENTORY_FILE))
			continue;
		if (sums_find(sums, name))
			found++;
		else
			ret = err_set(err, EBADMSG,
				"%s: is not a part of this dump; remove it, or put the "
				"dump into a directory of its own",
				name);
	}
	names_deinit(&names);
	return ret || found == listed ? ret : say_missing(sums, dirfd, err);
}

int verify_dump(int dirfd, unsigned int nr_threads, struct err *err)
{
	InventoryEntry *inv = NULL;
	struct sums *sums = NULL;
	int ret = inventory_read(dirfd, NULL, &inv, err);

	if (ret)
		return ret;
	if (inv->crl)
		ret = sums_load(dirfd, inv->crl->sums_hash, &sums, err);
	else
		ret = VERIFY_NO_SUMS;
	inventory_entry__free_unpacked(inv, NULL);
	if (!ret)
		ret = verify_names(sums, dirfd, err);
	if (!ret)
		ret = verify_files(sums, dirfd, VERIFY_ALL, nr_threads, err);
	sums_free(sums);
	return ret;
}
