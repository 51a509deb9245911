// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parent and child talk through two pipes all the while, so that a dump finds
 * either of them anywhere: no message is lost, doubled or out of order.
 */
#include "zdtm.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define AFTER  1000 /* messages after the restore */
#define FLIGHT 20   /* messages on their way at a time */

static int to_child[2], to_parent[2];

static uint64_t answer(uint64_t n)
{
	return n * 3 + 1;
}

static int child(void *arg)
{
	uint64_t expected = 0, n;
	ssize_t got;

	close(to_child[1]);
	close(to_parent[0]);
	test_child_ready();
	while ((got = read(to_child[0], &n, sizeof(n))) == sizeof(n)) {
		if (n != expected++)
			return fail("the child got %lu, expected %lu", n, expected - 1);
		n = answer(n);
		must(write(to_parent[1], &n, sizeof(n)));
	}
	return got ? fail("the child got a piece of %zd bytes: %m", got) : 0;
}

int main(int argc, char **argv)
{
	uint64_t sent = 0, received = 0, last = -1, n;
	pid_t pid;

	test_init(argc, argv);
	must(pipe(to_child));
	must(pipe(to_parent));
	pid = test_fork(child, NULL);
	close(to_child[0]);
	close(to_parent[1]);
	test_daemon();
	for (; received < last; received++) {
		while (sent < received + FLIGHT && sent < last) {
			must(write(to_child[1], &sent, sizeof(sent)));
			sent++;
		}
		if (last == (uint64_t)-1 && test_signalled()) {
			last = sent + AFTER;
			sabotage("lost", must(read(to_parent[0], &n, sizeof(n))));
			sabotage("doubled",
				write(to_child[1], &received, sizeof(received)));
			sabotage("piece", write(to_child[1], "x", 1));
		}
		if (must(read(to_parent[0], &n, sizeof(n))) != sizeof(n) ||
			n != answer(received))
			return fail(
				"the parent got %lu, expected %lu", n, answer(received));
		if (last == (uint64_t)-1 && received % 100 == 0)
			usleep(1000); /* others want the processor too */
	}
	close(to_child[1]);
	if (read(to_parent[0], &n, sizeof(n)) != 0)
		return fail("no end of file from the child");
	if (test_reap(pid))
		return fail("the child failed");
	pass();
	return 0;
}
