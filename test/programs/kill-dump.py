# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
# needs: gcc
#
"""kill -9 of crl at random moments of a dump: every task runs on as it was.

The tree notices whatever happens to its registers, memory, signals and waits (see
lib/kill-load.c). KILL_ROUNDS says how often crl is killed (default 40); KILL_SEED repeats
the moments of an earlier run, as far as the machine allows; KILL_VERBOSE=1 tells of each
round. Now and then the tree is in a freezer cgroup of its own, or stopped. In the first half
of the rounds it is the same tree all the time, later it is often dumped and restored.
"""
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import load as kill_load    # noqa: E402
from load import Failure, Load, check, crl, read, spawn     # noqa: E402

ROUNDS = int(os.environ.get("KILL_ROUNDS", "40"))
SEED = int(os.environ.get("KILL_SEED", time.time_ns() % 1000000))
VERBOSE = os.environ.get("KILL_VERBOSE")
CGROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup", "/sys/fs/cgroup/freezer")
TIMEOUT = 30


class Cgroup:
    """A freezer cgroup for the tree; the tree moves in and out."""

    def __init__(self, top):
        self.top, self.path = top, f"{top}/crl-kill-{os.getpid()}"
        os.mkdir(self.path)

    def usable(self):
        return any(os.path.exists(f"{self.path}/{name}")
                   for name in ("cgroup.freeze", "freezer.state"))

    def move(self, pids, inside):
        for pid in pids:
            with open(f"{self.path if inside else self.top}/cgroup.procs", "w") as f:
                f.write(str(pid))

    def await_thawed(self):
        """Whoever thaws it when crl is dead may come a little later."""
        name, thawed = ("cgroup.freeze", "0") if os.path.exists(f"{self.path}/cgroup.freeze") \
            else ("freezer.state", "THAWED")
        deadline = time.monotonic() + TIMEOUT
        while (state := read(f"{self.path}/{name}").strip()) != thawed:
            check(time.monotonic() < deadline, f"its cgroup is still frozen: {name} says {state}")
            time.sleep(0.0005)

    def remove(self, pids):
        for pid in pids:
            with contextlib.suppress(OSError):
                self.move([pid], False)
        os.rmdir(self.path)


def find_cgroups():
    found = []
    for top in CGROUPS:
        with contextlib.suppress(OSError):
            cgroup = Cgroup(top)
            if cgroup.usable():
                found.append(cgroup)
            else:
                cgroup.remove([])
    return found


def spin_until(when):
    while time.perf_counter() < when:
        pass


# ---------------------------------------------------------------- the moments

def after_a_while(child, tree, duration):
    """Any time from before its first instruction to a little after its end."""
    spin_until(time.perf_counter() + random.uniform(0, 1.3 * duration))


def while_tracing(child, tree, duration):
    """Soon after it holds a certain thread."""
    pid, tid = random.choice(tree.threads())
    mark = f"TracerPid:\t{child.pid}\n"
    while child.poll() is None and mark not in read(f"/proc/{pid}/task/{tid}/status"):
        pass
    spin_until(time.perf_counter() + random.uniform(0, duration / 4) * random.choice((0, 1)))


def while_visiting(child, tree, duration):
    """Within the visit of a certain process: there is a mapping that it does not know."""
    pid = random.choice(tree.pids)
    lines = len(tree.maps[pid])
    while child.poll() is None and len(tree.read_maps_of(pid)) == lines:
        pass
    spin_until(time.perf_counter() + random.uniform(0, 0.0004) * random.choice((0, 1)))


def while_writing(child, tree, duration):
    """When so many files have appeared."""
    files = random.randrange(1, 40)
    seen = 0
    while child.poll() is None and seen < files:
        seen = 0
        with contextlib.suppress(OSError):
            for entry in os.listdir("images"):
                seen += len(os.listdir(f"images/{entry}")) if entry.startswith(".crl-") else 40
    spin_until(time.perf_counter() + random.uniform(0, 0.0004) * random.choice((0, 1)))


MOMENTS = (after_a_while, after_a_while, while_tracing, while_visiting, while_writing)


# ---------------------------------------------------------------- rounds

class Images:
    """The directory that all dumps go to."""

    def __init__(self):
        os.mkdir("images")

    def judge(self, status):
        """After a kill: no dump, or, had it been finished, a good one."""
        if "inventory.img" in os.listdir("images"):
            self.check_good()
            return "complete"
        check(status != 0, "crl has ended with status 0 and left no dump")
        return "nothing"

    def check_good(self):
        left = [name for name in os.listdir("images") if name.startswith(".crl-")]
        check(not left or len(os.listdir(f"images/{left[0]}")) <= 1,
              f"beside a dump there is {left} with files in it")
        crl("restore", "--dry-run", "-D", "images")

    def check_clean(self):
        """After a whole dump: nothing of those that were killed is left."""
        names = os.listdir("images")
        check("inventory.img" in names, "a dump without an inventory")
        check(not [n for n in names if n.startswith(".")], f"stale directories are left: {names}")
        self.clear()

    def clear(self):
        for name in os.listdir("images"):
            if not name.startswith("."):
                os.unlink(f"images/{name}")


def measure(tree, images):
    """Seconds of a whole dump: the median of three."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        crl("dump", "-R", "-t", str(tree.root), "-D", "images")
        times.append(time.perf_counter() - begin)
        tree.check_runs()
        images.check_clean()
    return sorted(times)[1]


def dump_and_restore(tree):
    crl("dump", "-t", str(tree.root), "-D", "images")
    tree.wait_killed()
    crl("restore", "-d", "-D", "images")


def kill_one(tree, images, duration, moment):
    """Returns what crl has left, and how it ended."""
    child = spawn("dump", "-R", "-t", str(tree.root), "-D", "images", log="killed.log")
    moment(child, tree, duration)
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGKILL)
    status = child.wait(TIMEOUT)
    check(status in (0, -signal.SIGKILL), f"exit status {status}: {read('killed.log')}")
    found = images.judge(status)
    if found == "complete":
        images.clear()
    return found, status


def go_on(tree, images, stopped, restores):
    """Whole dumps behind a kill: of what runs, and perhaps of what has not come far."""
    at_once = random.random() < 0.5     # some may be on their way out of what crl did
    if stopped:     # a thread that was being visited stops inside: it must go on before a dump
        tree.await_stopped()
        tree.kill(signal.SIGCONT)
    if not at_once:
        tree.check_runs()
    if restores:
        dump_and_restore(tree)
    else:
        crl("dump", "-R", "-t", str(tree.root), "-D", "images")
    tree.check_runs()
    images.check_clean()


def one_round(number, tree, images, duration, cgroups):
    moment = random.choice(MOMENTS)
    cgroup = random.choice([None, None, *cgroups])
    stopped = random.random() < 0.2
    how = f"{moment.__name__}, {'stopped, ' if stopped else ''}{cgroup.top if cgroup else ''}"
    try:
        if cgroup:
            cgroup.move(tree.pids, True)
        if stopped:
            tree.stop()
        result = kill_one(tree, images, duration, moment)
        if cgroup:
            cgroup.await_thawed()
        go_on(tree, images, stopped, number > ROUNDS / 2 and number % 3 == 0)
        if cgroup:
            cgroup.move(tree.pids, False)
    except (Failure, OSError, subprocess.TimeoutExpired) as failure:
        raise Failure(f"round {number} of {ROUNDS}, seed {SEED}, {how}: {failure}") from None
    if VERBOSE:
        vdso = tree.read_vdso()
        print(f"{number}: {how} {result}, "
              f"{sum(vdso[pid] != tree.vdso[pid] for pid in vdso)} changed vdsos", flush=True)
    return result


def killed(tree, images, duration, cgroups):
    counts = {}
    for number in range(1, ROUNDS + 1):
        result = one_round(number, tree, images, duration, cgroups)
        counts[result] = counts.get(result, 0) + 1
    if VERBOSE:
        print(f"seed {SEED}, a dump takes {duration * 1000:.1f} ms: {counts}")
    in_time = sum(n for (_, status), n in counts.items() if status != 0)
    check(in_time >= ROUNDS // 4, f"only {in_time} of {ROUNDS} kills came in time")


def terminated(tree, images, duration):
    """By a signal that can be caught: as killed, and nothing stays in the directory."""
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP) * 3:
        child = spawn("dump", "-R", "-t", str(tree.root), "-D", "images", log="killed.log")
        random.choice(MOMENTS)(child, tree, duration)
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signo)
        status = child.wait(TIMEOUT)
        tree.check_runs()
        if images.judge(status) == "complete":
            images.clear()
        check(not os.listdir("images"),
              f"after {signo.name} (status {status}) there is {os.listdir('images')}")


def main():
    random.seed(SEED)
    kill_load.become_subreaper()
    tree, cgroups = None, find_cgroups()
    try:
        kill_load.build("kill-load")
        tree, images = Load("kill-load"), Images()
        duration = measure(tree, images)
        killed(tree, images, duration, cgroups)
        terminated(tree, images, duration)
        dump_and_restore(tree)
        tree.check_runs()
        images.check_clean()
    except (Failure, OSError, subprocess.TimeoutExpired) as failure:
        print(failure)
        return 1
    finally:
        if tree:
            tree.close()
        for cgroup in cgroups:
            cgroup.remove([])
        shutil.rmtree("images", ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
