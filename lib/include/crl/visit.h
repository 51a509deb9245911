/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A visit: running batches in a live task that is stopped under ptrace and will
 * go on afterwards as if nothing had happened.
 *
 *	plant_open(&plant, ...)			once for each address space
 *	  visit_begin(&visit, &plant, ...)	for one thread at a time
 *	    visit_run(&visit, &batch, ...)	as often as needed
 *	  visit_end(&visit)
 *	plant_close(&plant)
 *
 * The stub lies in bytes that nothing uses: the padding behind the vdso's code,
 * or, where there is no vdso, zeros at the end of an executable mapping. Its
 * batch lies in scratch memory that the task maps for the time of the visit, so
 * that nothing is ever written near a stack. If the tracer dies at any moment,
 * the thread finishes its batch, unmaps the scratch memory, restores its own
 * signal mask and registers, and goes on: lib/arch has the code of this.
 *
 * Two threads of one address space cannot be visited at once.
 */
#ifndef CRL_VISIT_H
#define CRL_VISIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crl/arch.h"

struct batch;
struct err;

#define VISIT_SCRATCH (32 * 1024) /* bytes of scratch memory in the task */

/* A mapping that may hold the stub. */
struct plant_site {
	uint64_t start, end;
	bool vdso;
};

#define PLANT_SITES 64 /* executable mappings looked at */

/*
 * Read the executable mappings of the task behind a /proc/PID directory: at most
 * PLANT_SITES of them, *n are written. A vdso among later ones takes the last place.
 */
int plant_sites(int proc, struct plant_site *site, unsigned *n, struct err *err);

struct plant {
	pid_t pid;     /* a stopped task of the address space */
	int mem;       /* /proc/PID/mem, owned */
	uint64_t stub; /* where the stub lies */
	bool planted;
};

/*
 * Find room for the stub in one of the sites (executable mappings; the vdso is
 * tried first) and write it. ENOSPC when no site has room.
 */
int plant_open(struct plant *plant, pid_t pid, const struct plant_site *site,
	unsigned sites, struct err *err);

/* Put the bytes back as they were (zeros). May be called twice. */
void plant_close(struct plant *plant);

struct visit {
	const struct plant *plant;
	pid_t tgid, tid;
	int signo; /* says "done": one that the task neither catches nor has pending */
	struct arch_regs found;
	uint64_t mask_found;
	uint64_t scratch; /* address in the task; 0 before the first stop */
	bool entered, ran, seccomp;
};

/*
 * Enter a thread that is in a ptrace-stop of ours. `regs` are its registers
 * as they shall be afterwards, `seccomp` says that a filter must be suspended
 * (needs CAP_SYS_ADMIN). After an error the thread is as it was.
 */
int visit_begin(struct visit *v, const struct plant *plant, pid_t tgid, pid_t tid,
	int signo, const struct arch_regs *regs, bool seccomp, struct err *err);

/* Run one batch; its results are read back into its buffer, results are not judged. */
int visit_run(struct visit *v, struct batch *b, struct err *err);

/* Leave: scratch memory unmapped, registers and signal mask as found. May be called
 * twice. */
int visit_end(struct visit *v, struct err *err);

#endif
