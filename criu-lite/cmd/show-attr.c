// SPDX-License-Identifier: GPL-2.0-only
/* Attributes of a task in a dump: see show-attr.h. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/print.h"
#include "cmd/show-attr.h"

#define ACTIONS 62 /* signals 1 to 64 without SIGKILL and SIGSTOP */

/* ---- credentials ---- */

static uint64_t words(size_t n, const uint32_t *word)
{
	return (n > 0 ? word[0] : 0) | (n > 1 ? (uint64_t)word[1] << 32 : 0);
}

static void text_ids(
	const char *what, uint32_t real, uint32_t effective, uint32_t saved, uint32_t fs)
{
	printf("  %-12s real %u, effective %u, saved %u, file system %u\n", what, real,
		effective, saved, fs);
}

static void text_creds(const CredsEntry *c)
{
	text_ids("user", c->uid, c->euid, c->suid, c->fsuid);
	text_ids("group", c->gid, c->egid, c->sgid, c->fsgid);
	printf("  %-12s%s", "groups", c->n_groups ? "" : " none");
	for (size_t i = 0; i < c->n_groups; i++)
		printf(" %u", c->groups[i]);
	printf("\n  %-12s effective %#" PRIx64 ", permitted %#" PRIx64
	       ", inheritable %#" PRIx64 ", bounding %#" PRIx64 ", ambient %#" PRIx64
	       "\n",
		"capabilities", words(c->n_cap_eff, c->cap_eff),
		words(c->n_cap_prm, c->cap_prm), words(c->n_cap_inh, c->cap_inh),
		words(c->n_cap_bnd, c->cap_bnd), words(c->n_cap_amb, c->cap_amb));
	if (c->secbits || c->no_new_privs)
		printf("  %-12s securebits %#x%s\n", "", c->secbits,
			c->no_new_privs ? ", no_new_privs" : "");
	if (c->lsm_profile && *c->lsm_profile) {
		printf("  %-12s ", "profile");
		print_name(stdout, c->lsm_profile);
		putchar('\n');
	}
}

static void json_four(struct json *j, const char *key, uint32_t real, uint32_t effective,
	uint32_t saved, uint32_t fs)
{
	const uint32_t id[4] = { real, effective, saved, fs };

	json_array(j, key, true);
	for (int i = 0; i < 4; i++)
		json_unsigned(j, NULL, id[i]);
	json_array_end(j);
}

static void json_creds(const CredsEntry *c, struct json *j)
{
	json_object(j, "credentials");
	json_four(j, "uid", c->uid, c->euid, c->suid, c->fsuid);
	json_four(j, "gid", c->gid, c->egid, c->sgid, c->fsgid);
	json_array(j, "groups", true);
	for (size_t i = 0; i < c->n_groups; i++)
		json_unsigned(j, NULL, c->groups[i]);
	json_array_end(j);
	json_unsigned(j, "effective", words(c->n_cap_eff, c->cap_eff));
	json_unsigned(j, "permitted", words(c->n_cap_prm, c->cap_prm));
	json_unsigned(j, "inheritable", words(c->n_cap_inh, c->cap_inh));
	json_unsigned(j, "bounding", words(c->n_cap_bnd, c->cap_bnd));
	json_unsigned(j, "ambient", words(c->n_cap_amb, c->cap_amb));
	json_unsigned(j, "securebits", c->secbits);
	json_bool(j, "no_new_privs", c->no_new_privs);
	json_text(j, "lsm_profile", c->lsm_profile);
	json_object_end(j);
}

void show_creds(const CredsEntry *c, struct json *j)
{
	if (c && j)
		json_creds(c, j);
	else if (c)
		text_creds(c);
}

/* ---- signals ---- */

uint64_t show_queue_mask(const SignalQueueEntry *queue)
{
	uint64_t mask = 0;

	for (size_t i = 0; queue && i < queue->n_signals; i++) {
		const ProtobufCBinaryData *b = &queue->signals[i]->siginfo;
		int32_t signo; /* the first member of siginfo */

		if (b->len < sizeof(signo))
			continue;
		memcpy(&signo, b->data, sizeof(signo));
		if (signo >= 1 && signo <= 64)
			mask |= 1ull << (signo - 1);
	}
	return mask;
}

/* Caught ones, and with SIG_IGN the ignored ones. */
static uint64_t action_mask(const TaskCoreEntry *tc, bool ignored)
{
	uint64_t mask = 0;
	int sig = 0;

	for (size_t i = 0; i < tc->n_sigactions && i < ACTIONS; i++) {
		uint64_t handler = tc->sigactions[i]->sigaction;

		do
			sig++;
		while (sig == SIGKILL || sig == SIGSTOP);
		if (ignored ? handler == 1 : handler > 1)
			mask |= 1ull << (sig - 1);
	}
	return mask;
}

void show_signals(const TaskCoreEntry *tc, struct json *j)
{
	uint64_t pending, caught, ignored;

	if (!tc)
		return;
	pending = show_queue_mask(tc->signals_s);
	caught = action_mask(tc, false);
	ignored = action_mask(tc, true);
	if (j) {
		json_object(j, "signals");
		json_unsigned(j, "pending", pending);
		json_unsigned(j, "blocked", tc->blk_sigset);
		json_unsigned(j, "caught", caught);
		json_unsigned(j, "ignored", ignored);
		json_object_end(j);
		return;
	}
	printf("  %-12s pending ", "signals");
	print_signals(stdout, pending);
	printf(", caught ");
	print_signals(stdout, caught);
	printf(", ignored ");
	print_signals(stdout, ignored);
	putchar('\n');
}

/* ---- timers ---- */

static void show_itimer(const char *name, const ItimerEntry *t, struct json *j)
{
	if (j) {
		json_object(j, name);
		json_unsigned(j, "left_us", t->vsec * 1000000 + t->vusec);
		json_unsigned(j, "interval_us", t->isec * 1000000 + t->iusec);
		json_object_end(j);
	} else if (t->vsec || t->vusec) {
		printf("  %-12s %s: %" PRIu64 ".%06" PRIu64 " s left, every %" PRIu64
		       ".%06" PRIu64 " s\n",
			"timer", name, t->vsec, t->vusec, t->isec, t->iusec);
	}
}

static void show_posix(const PosixTimerEntry *t, struct json *j)
{
	if (j) {
		json_object(j, NULL);
		json_unsigned(j, "id", t->it_id);
		json_unsigned(j, "clock", t->clock_id);
		json_unsigned(j, "signal", t->si_signo);
		json_unsigned(j, "notify", t->it_sigev_notify);
		json_unsigned(j, "left_ns", t->vsec * 1000000000 + t->vnsec);
		json_unsigned(j, "interval_ns", t->isec * 1000000000 + t->insec);
		json_unsigned(j, "overrun", t->overrun);
		json_object_end(j);
	} else {
		printf("  %-12s POSIX %u of clock %u, signal %u: %" PRIu64 ".%09" PRIu64
		       " s left, every %" PRIu64 ".%09" PRIu64 " s\n",
			"timer", t->it_id, t->clock_id, t->si_signo, t->vsec, t->vnsec,
			t->isec, t->insec);
	}
}

void show_timers(const TaskTimersEntry *timers, struct json *j)
{
	if (!timers)
		return;
	if (j)
		json_object(j, "timers");
	show_itimer("real", timers->real, j);
	show_itimer("virtual", timers->virt, j);
	show_itimer("profiling", timers->prof, j);
	if (j)
		json_array(j, "posix", false);
	for (size_t i = 0; i < timers->n_posix; i++)
		show_posix(timers->posix[i], j);
	if (j) {
		json_array_end(j);
		json_object_end(j);
	}
}

/* ---- limits ---- */

static void json_limit(struct json *j, uint64_t value)
{
	if (value == UINT64_MAX)
		json_null(j, NULL);
	else
		json_unsigned(j, NULL, value);
}

/* In the order of RLIMIT_*, each soft and hard; null is infinity. Too long for the text.
 */
void show_limits(const TaskRlimitsEntry *limits, struct json *j)
{
	if (!limits || !j)
		return;
	json_array(j, "limits", true);
	for (size_t i = 0; i < limits->n_rlimits; i++) {
		json_array(j, NULL, true);
		json_limit(j, limits->rlimits[i]->cur);
		json_limit(j, limits->rlimits[i]->max);
		json_array_end(j);
	}
	json_array_end(j);
}
