# SPDX-License-Identifier: GPL-2.0-only
"""Trees that tick, and crl when it must refuse: status 1, one sentence, no harm.

A sentence that is not as it should be goes to `wrong`, and the test goes on; anything
worse ends it with a Failure. BAD_INPUT_VERBOSE=1 prints all the sentences.
"""
import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time

CRL = os.environ["CRL"]
VERBOSE = os.environ.get("BAD_INPUT_VERBOSE")
TIMEOUT = 20
NOBODY = 65534
LIBC = ctypes.CDLL(None, use_errno=True)
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 24, 36
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000

# A parent and a child that count in a file each, until they are killed.
TICKER = r"""
import mmap, os, sys, time
%s
child = os.fork()
name = "child" if child == 0 else "parent"
with open(sys.argv[1] + name, "w+b") as f:
    f.truncate(4096)
    ticks = mmap.mmap(f.fileno(), 4096)
%s
n = 0
while True:
    n += 1
    ticks[:8] = n.to_bytes(8, "little")
    time.sleep(0.002)
"""

wrong = []     # sentences that are not as they should be


class Failure(Exception):
    pass


def check(truth, text):
    if not truth:
        raise Failure(text)


def read(path):
    with open(path) as f:
        return f.read()


def wait_for(condition, what):
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.001)


class Tree:
    """Two processes that tick. `before` is run by both, `after` by each with its name."""

    made = 0

    def __init__(self, before="", after="", session=True):
        Tree.made += 1
        self.name = os.path.abspath(f"tree-{Tree.made}.")
        with open("tree.out", "wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", TICKER % (before, after), self.name],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=session)
        process.returncode = 0  # reaped by us
        self.pid = process.pid
        wait_for(lambda: self.ticks("parent") and self.ticks("child") or not self.alive(self.pid),
                 "the tree does not tick")
        check(self.alive(self.pid), f"the tree has ended: {read('tree.out')}")
        self.child = int(read(f"/proc/{self.pid}/task/{self.pid}/children").split()[0])

    def ticks(self, name):
        try:
            with open(self.name + name, "rb") as f:
                return int.from_bytes(f.read(8), "little")
        except FileNotFoundError:
            return 0

    @staticmethod
    def alive(pid):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return os.path.exists(f"/proc/{pid}")

    def check_runs(self):
        for pid in (self.pid, self.child):
            check("TracerPid:\t0\n" in read(f"/proc/{pid}/status"), f"pid {pid} is traced")
        before = {name: self.ticks(name) for name in ("parent", "child")}
        wait_for(lambda: all(self.ticks(name) > n for name, n in before.items()),
                 "the tree has been stopped")

    def check_gone(self):
        wait_for(lambda: not self.alive(self.child) and not self.alive(self.pid),
                 "processes of the tree are left")

    def close(self):
        for pid in (self.pid, self.child):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.check_gone()


def run(*args, binary=CRL, **how):
    done = subprocess.run([binary, *map(str, args)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=TIMEOUT, errors="replace", **how)
    return done.returncode, done.stdout, done.stderr


def refused(what, args, *patterns, lines=1, **how):
    """crl must end with status 1 and say what the patterns ask for, on so many lines."""
    status, out, said = run(*args, **how)
    if VERBOSE:
        print(f"{what}:\n    {said}", end="")
    what = f"{what}: crl {' '.join(map(str, args))}"
    if status != 1:
        wrong.append(f"{what}: exit status {status}: {said}")
    elif out:
        wrong.append(f"{what}: it writes to stdout: {out}")
    elif not said.startswith("crl: ") or said.count("\n") != (lines or said.count("\n")):
        wrong.append(f"{what}: not one sentence: {said}")
    for pattern in patterns:
        if not re.search(pattern, said):
            wrong.append(f"{what}: nothing of {pattern!r} in: {said}")
    return said


def empty(directory):
    left = os.listdir(directory)
    check(not left, f"left in {directory}: {left}")


def fresh(directory="images"):
    shutil.rmtree(directory, ignore_errors=True)
    os.mkdir(directory)
    return directory


def dump(tree, *options, images="images"):
    status, out, said = run("dump", "-t", tree.pid, "-D", fresh(images), *options)
    check(status == 0, f"dump: exit status {status}: {out}{said}")


def as_nobody():
    """How to run a copy of crl as a user without privileges, who may look into this directory."""
    if not os.path.exists("crl-copy"):
        os.chmod(shutil.copy(CRL, "crl-copy"), 0o755)
    return {"binary": os.path.abspath("crl-copy"), "user": NOBODY, "group": NOBODY,
            "extra_groups": [], "env": {**os.environ, "HOME": os.getcwd()}}


def without(*capabilities):
    """How to run crl as root without some capabilities, given by number."""
    def drop():
        for number in capabilities:
            LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
    return {"preexec_fn": drop}


def begin():
    """Before the first tree."""
    os.chmod(".", 0o711)    # for somebody without privileges; no tree may see it change
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    check(LIBC.unshare(CLONE_NEWNS) == 0, "no mount namespace of our own")
    LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def run_cases(cases):
    """cases: (function, arguments); returns the exit status of the program."""
    for case, args in cases:
        try:
            case(*args)
        except (Failure, OSError, subprocess.SubprocessError) as failure:
            print("".join(f"{sentence}\n" for sentence in wrong), end="")
            print(f"{case.__name__}: {failure}")
            return 1
    print("".join(f"{sentence}\n" for sentence in wrong), end="")
    return 1 if wrong else 0
