# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""What cannot be done is refused: status 1, one sentence that says what and why, no harm.

The tree that is dumped must run on, and nothing may be left in the image directory. A
restore that is refused must leave no process.

BAD_INPUT_VERBOSE=1 prints all the sentences.
"""
import contextlib
import ctypes
import mmap
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CRL = os.environ["CRL"]
VERBOSE = os.environ.get("BAD_INPUT_VERBOSE")
SEED = int(os.environ.get("BAD_INPUT_SEED", time.time_ns() % 1000000))
TIMEOUT = 20
NOBODY = 65534
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000

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

    def __init__(self, before="", after="", user=None, python=sys.executable):
        Tree.made += 1
        self.name = f"tree-{Tree.made}."
        with open("tree.out", "wb") as out:
            process = subprocess.Popen([python, "-c", TICKER % (before, after), self.name], user=user,
                                       group=user, extra_groups=[] if user else None,
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       start_new_session=True)
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
    """crl must end with status 1 and say what the patterns ask for, on one line."""
    status, out, said = run(*args, **how)
    if VERBOSE:
        print(f"{what}:\n    {said}", end="")
    judge(f"{what}: crl {' '.join(map(str, args))}", status, out, said, patterns, lines)
    return said


def judge(what, status, out, said, patterns, lines=1):
    if status != 1:
        wrong.append(f"{what}: exit status {status}: {said}")
    elif out:
        wrong.append(f"{what}: it writes to stdout: {out}")
    elif not said.startswith("crl: ") or said.count("\n") != (lines or said.count("\n")):
        wrong.append(f"{what}: not one sentence: {said}")
    for pattern in patterns:
        if not re.search(pattern, said):
            wrong.append(f"{what}: nothing of {pattern!r} in: {said}")


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


# ---------------------------------------------------------------- what to dump

def no_such_pid():
    process = subprocess.Popen(["true"])
    process.wait()
    refused("free pid", ["dump", "-t", process.pid, "-D", fresh()],
            rf"no process has pid {process.pid}\b")
    for pid in ("x", "0", "-1", "1x", "99999999999"):
        refused("no pid", ["dump", f"-t{pid}", "-D", "images"], "pid")
    refused("no -t", ["dump", "-D", "images"], "-t|--tree")
    empty("images")


def ancestors():
    refused("its parent", ["dump", "-t", os.getpid(), "-D", fresh()],
            rf"pid {os.getpid()} \(python3?.*\)", "itself runs below")
    empty("images")


def dead_and_traced():
    process = subprocess.Popen(["true"], start_new_session=True)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    refused("zombie", ["dump", "-t", process.pid, "-D", fresh()], rf"pid {process.pid} \(true\)",
            "has ended")
    process.wait()
    tree = Tree()
    try:
        check(LIBC.ptrace(PTRACE_SEIZE, tree.child, 0, 0) == 0, "cannot trace")
        refused("traced", ["dump", "-t", tree.pid, "-D", "images"], rf"pid {tree.child} \(",
                rf"traced by pid {os.getpid()} \(")
        LIBC.ptrace(PTRACE_INTERRUPT, tree.child, 0, 0)
        os.waitpid(tree.child, WALL)
        LIBC.ptrace(PTRACE_DETACH, tree.child, 0, 0)
        tree.check_runs()
    finally:
        tree.close()
    empty("images")


def privilege(tree):
    """As nobody, with a copy of crl."""
    os.chmod(".", 0o711)
    binary = shutil.copy(CRL, "crl-copy")
    os.chmod(binary, 0o755)
    how = {"binary": os.path.abspath(binary), "user": NOBODY, "group": NOBODY, "extra_groups": [],
           "env": {**os.environ, "HOME": os.getcwd()}}
    fresh()
    os.chown("images", NOBODY, NOBODY)
    refused("somebody else's tree", ["dump", "-t", tree.pid, "-D", "images"],
            rf"pid {tree.pid} \(python3?.*\)", "CAP_SYS_PTRACE", **how)
    empty("images")
    tree.check_runs()
    fresh()
    refused("somebody else's directory", ["dump", "-t", tree.pid, "-D", "images"],
            "images", "ermission denied|not writable", **how)
    empty("images")
    tree.check_runs()
    return how


# ---------------------------------------------------------------- directories

def directories(tree):
    for command in (["dump", "-t", tree.pid], ["restore"]):
        refused("missing", [*command, "-D", "absent"], "absent", "No such file or directory")
        refused("a file", [*command, "-D", "tree.out"], "tree.out", "Not a directory")
    fresh("work")
    refused("no work directory", ["dump", "-t", tree.pid, "-D", fresh(), "-W", "absent"], "absent")
    refused("no log file", ["dump", "-t", tree.pid, "-D", "images", "-o", "absent/log"],
            "absent/log")
    refused("empty", ["restore", "-D", fresh()], "images", "inventory.img|no dump")
    dump(tree, "-R")
    before = sorted(os.listdir("images"))
    refused("a dump", ["dump", "-t", tree.pid, "-D", "images"], "images|directory",
            "already holds a dump")
    check(sorted(os.listdir("images")) == before, "the dump that was there has changed")
    os.unlink("images/inventory.img")
    refused("remains", ["dump", "-t", tree.pid, "-D", "images"], "unfinished")
    refused("remains", ["restore", "-D", "images"], "inventory.img")
    tree.check_runs()


# ---------------------------------------------------------------- what cannot be dumped

UNSUPPORTED = """
if child:
    import ctypes
    watch = ctypes.CDLL(None).inotify_init1(0)
else:
    import socket
    server = socket.create_server(("127.0.0.1", 0))
    ends = socket.create_connection(server.getsockname()), server.accept()
"""


def unsupported():
    tree = Tree(after=UNSUPPORTED)
    try:
        refused("unsupported", ["dump", "-t", tree.pid, "-D", fresh()],
                rf"pid {tree.pid} \(", rf"pid {tree.child} \(", "TCP", "inotify", r"fd \d", lines=None)
        tree.check_runs()
        empty("images")
    finally:
        tree.close()


NO_SPACE = """
import sys
memory = os.urandom(4 << 20)
"""

def no_space():
    """The directory is a tmpfs of 1 MiB, the tree has 4 MiB that cannot be left out."""
    os.mkdir("full")
    check(LIBC.mount(b"none", b"full", b"tmpfs", 0, b"size=1m") == 0, "cannot mount a tmpfs")
    tree = Tree(before=NO_SPACE)
    try:
        refused("no space", ["dump", "-t", tree.pid, "-D", "full"], "No space left on device",
                "full")
        empty("full")
        tree.check_runs()
    finally:
        tree.close()


# ---------------------------------------------------------------- images

class Dumped:
    """The images of a tree that is gone, to be damaged and made good again."""

    def __init__(self, **how):
        self.tree = Tree(**how)
        self.images = f"images-{self.tree.name}d"
        try:
            dump(self.tree, images=self.images)
        except Failure:
            self.tree.close()
            raise
        self.tree.check_gone()
        self.files = {name: self.content(name) for name in sorted(os.listdir(self.images))}

    def content(self, name):
        with open(f"{self.images}/{name}", "rb") as f:
            return f.read()

    def put(self, name, data):
        with open(f"{self.images}/{name}", "wb") as f:
            f.write(data)

    def heal(self, name):
        self.put(name, self.files[name])

    def refused(self, what, *patterns, options=(), **how):
        """No process may be there afterwards, unless it was before."""
        before = self.others()
        refused(what, ["restore", "-d", "-D", self.images, *options], *patterns, **how)
        try:
            wait_for(lambda: self.others() <= before, "")
        except Failure:
            wrong.append(f"{what}: processes are left: {self.others() - before}")
            self.tree.close()

    def others(self):
        """Children of ours (we are the subreaper) and whoever has a pid of the tree."""
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        mine = set(read(f"/proc/self/task/{os.getpid()}/children").split())
        return mine | {str(p) for p in (self.tree.pid, self.tree.child)
                       if os.path.exists(f"/proc/{p}")}

    def restores(self):
        status, out, said = run("restore", "-d", "-D", self.images)
        check(status == 0, f"restore: exit status {status}: {out}{said}")
        self.tree.check_runs()
        self.tree.close()


def truncated(dumped):
    for name, data in dumped.files.items():
        if name == "stats-dump":    # nobody reads it
            continue
        for size in sorted({0, 1, 4, 8, 11, len(data) // 2, len(data) - 1}):
            if size < len(data):
                dumped.put(name, data[:size])
                dumped.refused(f"{name} of {size} bytes", re.escape(name))
        os.unlink(f"{dumped.images}/{name}")
        dumped.refused(f"{name} is missing", re.escape(name))
        dumped.put(name, data + b"x")
        dumped.refused(f"{name} is longer", re.escape(name))
        dumped.heal(name)


def damaged(dumped):
    names = [name for name in dumped.files if name != "stats-dump"]
    for number in range(200):
        name = names[number % len(names)]
        data = bytearray(dumped.files[name])
        for _ in range(random.choice((1, 1, 8))):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        if data != dumped.files[name]:
            dumped.put(name, data)
            dumped.refused(f"{name} damaged, seed {SEED}", r"img|stats")
            dumped.heal(name)


def main():
    random.seed(SEED)
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    check(LIBC.unshare(CLONE_NEWNS) == 0, "no mount namespace of our own")
    LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    tree = None
    case = "start"
    try:
        tree = Tree()
        dumped = Dumped()
        for case, args in ((no_such_pid, ()), (ancestors, ()), (dead_and_traced, ()),
                           (privilege, (tree,)), (directories, (tree,)), (unsupported, ()),
                           (no_space, ()), (truncated, (dumped,)), (damaged, (dumped,)),
                           (dumped.restores, ())):
            case(*args)
    except (Failure, OSError, subprocess.SubprocessError) as failure:
        print(f"{getattr(case, '__name__', case)}: {failure}")
        return 1
    finally:
        if tree:
            tree.close()
    print("".join(f"{sentence}\n" for sentence in wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
