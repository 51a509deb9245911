/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is in a process tree. Several ways lead to the same records; each is one
 * file of lib/discover and one row of its table, best first.
 */
#ifndef CRL_DISCOVER_H
#define CRL_DISCOVER_H

#include <stddef.h>
#include <sys/types.h>

struct err;

enum discover_want {
	DISCOVER_IDS, /* pid, tgid and ppid are enough, the rest may stay zero */
	DISCOVER_ALL,
};

/* One thread; the leader of a process has pid == tgid. */
struct discover_task {
	pid_t pid, tgid;
	pid_t ppid; /* of the process; with DISCOVER_IDS 0 for the root and for threads */
	pid_t pgid, sid;
	pid_t tracer; /* who ptraces it, 0: nobody that we can see */
	char state;   /* R S D T t Z X I, as in /proc/PID/stat */
	char comm[16];
};

/* A value other than 0 ends the listing, which returns it. */
typedef int discover_fn(void *arg, const struct discover_task *task, struct err *err);

struct discover_backend {
	const char *name;
	/* Does it work here? 0, or -errno with the reason. */
	int (*probe)(struct err *err);
	/*
	 * Call fn for root and every thread of every process below it: a parent
	 * before its children, a leader before its other threads, each as soon as it
	 * is known. The answer is exact when nobody in the tree runs. In a running
	 * tree somebody may be missed, or told twice when he moves to another
	 * parent meanwhile. -ESRCH when root is not there.
	 */
	int (*list)(pid_t root, enum discover_want want, discover_fn *fn, void *arg,
		struct err *err);
};

/* All that are built in, best first, NULL at the end. */
const struct discover_backend *const *discover_backends(void);

/* The one of this name, or with NULL the best that works here; NULL with *err filled. */
const struct discover_backend *discover_backend(const char *name, struct err *err);

/*
 * The backend "bpf" in two steps, for who lists a large tree several times: its
 * cost is nearly the same for a tree of any size. Open: a descriptor, owned by the
 * caller, or -errno where it does not work. List: as of a backend, with DISCOVER_ALL.
 */
int discover_bpf_open(struct err *err);
int discover_bpf_list(int link, pid_t root, discover_fn *fn, void *arg, struct err *err);

/* Begins as all zeroes; the owner calls discover_list_deinit. */
struct discover_list {
	struct discover_task *v;
	size_t n, cap;
};

/*
 * Replace list by all of a tree, with DISCOVER_ALL: sorted by tgid, the leader
 * before its threads, nobody twice.
 */
int discover_list(const struct discover_backend *backend, pid_t root,
	struct discover_list *list, struct err *err);
void discover_list_deinit(struct discover_list *list);

#endif
