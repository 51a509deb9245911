# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
# needs: gcc
#
"""kill -9 of crl at random moments of a restore: all of the tree is there, or nothing of it.

KILL_ROUNDS, KILL_SEED and KILL_VERBOSE are as in kill-dump.py; the default is 20 rounds.
"""
import contextlib
import os
import random
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import load as kill_load    # noqa: E402
from load import Failure, Load, check, crl, read, spawn     # noqa: E402

ROUNDS = int(os.environ.get("KILL_ROUNDS", "20"))
SEED = int(os.environ.get("KILL_SEED", time.time_ns() % 1000000))
VERBOSE = os.environ.get("KILL_VERBOSE")
TIMEOUT = 10


def spin_until(when):
    while time.perf_counter() < when:
        pass


# ---------------------------------------------------------------- the moments

def after_a_while(child, tree, duration):
    """Any time from before its first instruction to a little after its end."""
    spin_until(time.perf_counter() + random.uniform(0, 1.3 * duration))


def when_a_task_appears(child, tree, duration):
    path = f"/proc/{random.choice(tree.pids)}"
    while child.poll() is None and not os.path.exists(path):
        pass
    spin_until(time.perf_counter() + random.uniform(0, duration / 4))


def at_the_birth_of_the_root(child, tree, duration):
    """It is there, and its crl may not have got hold of it yet."""
    path = f"/proc/{tree.root}"
    while child.poll() is None and not os.path.exists(path):
        pass
    spin_until(time.perf_counter() + random.uniform(0, 0.0001))


def when_they_are_let_go(child, tree, duration):
    """The pidfile is written when all is made and nothing runs yet."""
    while child.poll() is None and not os.path.exists("pidfile"):
        pass
    spin_until(time.perf_counter() + random.uniform(0, 0.0015))


MOMENTS = (after_a_while, at_the_birth_of_the_root, when_a_task_appears, when_they_are_let_go)


# ---------------------------------------------------------------- rounds

def measure(tree):
    """Seconds of a restore; the tree is in its images, and gone, when this returns."""
    times = []
    crl("dump", "-t", str(tree.root), "-D", "images")
    tree.wait_killed()
    for _ in range(3):
        begin = time.perf_counter()
        crl("restore", "-d", "-D", "images")
        times.append(time.perf_counter() - begin)
        tree.check_runs()
        tree.close()
    return min(times)


def files():
    return set(os.listdir(".")) - {"pidfile"}


def judge(tree):
    """What became of the tree: it runs, or nobody of it is left (or the window was hit)."""
    since, deadline = tree.beats(), time.monotonic() + TIMEOUT
    while any(now < then + 10 for now, then in zip(tree.beats(), since)):
        left = tree.left()
        if not left:
            return "nothing"
        if time.monotonic() > deadline:
            print(f"of the pids {tree.pids} there are {left}: "
                  f"{tree.describe(range(kill_load.THREADS))}")
            tree.close()
            return "a part"
        time.sleep(0.0005)
    try:
        tree.check_runs()
    except (Failure, OSError):
        with contextlib.suppress(Failure):
            tree.wait_gone()    # a little later, but all of it
            return "nothing"
        raise
    tree.close()
    return "all"


def one_round(tree, duration, before):
    moment = random.choice(MOMENTS)
    how = random.choice((["-d"], ["-d"], []))
    child = spawn("restore", *how, "-D", "images", "--pidfile", os.path.abspath("pidfile"),
                  log="killed.log")
    moment(child, tree, duration)
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGKILL)
    status = child.wait(TIMEOUT)
    check(status in (0, -signal.SIGKILL), f"exit status {status}: {read('killed.log')}")
    found = judge(tree)
    check(status != 0 or found == "all", "crl ended with status 0, and nothing is there")
    tree.check_no_deviations()
    more = files() - before
    if status and "unlinked" in more:  # the name that an unlinked file has while it is made
        os.unlink("unlinked")
        more.discard("unlinked")
    check(not more, f"files have been left behind: {sorted(more)}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink("pidfile")
    if VERBOSE:
        print(f"{moment.__name__}, {how}, status {status}: {found}", flush=True)
    return found


def killed(tree, duration):
    counts, before = {}, files() | {"killed.log"}
    for number in range(1, ROUNDS + 1):
        try:
            found = one_round(tree, duration, before)
        except (Failure, OSError, subprocess.TimeoutExpired) as failure:
            raise Failure(f"round {number} of {ROUNDS}, seed {SEED}: {failure}") from None
        counts[found] = counts.get(found, 0) + 1
    if VERBOSE:
        print(f"seed {SEED}, a restore takes {duration * 1000:.1f} ms: {counts}")
    check(counts.get("nothing", 0) >= ROUNDS // 8, f"the kills came too late: {counts}")
    # Between letting go the first and the last: see the two short windows in README.md.
    check(counts.get("a part", 0) <= 1 + ROUNDS // 20, f"half a tree was left: {counts}")


def main():
    random.seed(SEED)
    kill_load.become_subreaper()
    tree = None
    try:
        kill_load.build("kill-load")
        os.mkdir("images")
        tree = Load("kill-load")
        killed(tree, measure(tree))
        crl("restore", "-d", "-D", "images")
        tree.check_runs()
    except (Failure, OSError, subprocess.TimeoutExpired) as failure:
        print(failure)
        return 1
    finally:
        if tree:
            tree.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
