# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""What cannot be restored is refused: status 1, one sentence that says what and why, no harm.

No process may come out of it, and no file; whoever is in the way must be left alone. In the
end all is made good again, and the same images are restored. BAD_INPUT_SEED repeats the
damage of an earlier run.
"""
import contextlib
import ctypes
import os
import random
import re
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import refusals     # noqa: E402
from refusals import (LIBC, Failure, Tree, as_nobody, check, dump, read, refused,   # noqa: E402
                      run, wait_for, without)

SEED = int(os.environ.get("BAD_INPUT_SEED", time.time_ns() % 1000000))
CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE = 21, 40
SYS_CLONE3 = 435
CLONE_VFORK_THREAD = 0x4000 | 0x10000 | 0x800 | 0x100    # and what CLONE_THREAD asks for
UNREAD = ("stats-dump",)    # nobody reads it at a restore


def listing():
    """What is where, ticks aside: files with their sizes, directories, sockets."""
    found = {}
    for directory, below, names in os.walk("."):
        for name in below + names:
            st = os.lstat(os.path.join(directory, name))
            found[os.path.join(directory, name)] = (st.st_ino, st.st_mode, st.st_size)
    return found


class Dumped:
    """The images of a tree that is gone, to be damaged and made good again."""

    def __init__(self, *options, **how):
        self.tree = Tree(**how)
        self.images = f"{self.tree.name}images"
        try:
            dump(self.tree, *options, images=self.images)
        except Failure:
            self.tree.close()
            raise
        self.tree.check_gone()
        self.kept = None    # a child that is left alone when it has ended
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
        """No process and no file may be there afterwards, unless it was before."""
        before, files = self.others(), listing()
        refused(what, ["restore", "-d", "-D", self.images, *options], *patterns, **how)
        try:
            wait_for(lambda: self.others() <= before, "")
        except Failure:
            self.tree.close()
            raise Failure(f"{what}: processes are left: {self.others() - before}") from None
        check(files == listing(), f"{what}: files have changed: {set(files) ^ set(listing())}")

    def others(self):
        """Children of ours (we are the subreaper) and whoever has a pid of the tree."""
        for pid in self.children() - {self.kept}:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(pid), os.WNOHANG)
        return self.children() | {str(p) for p in self.pids() if os.path.exists(f"/proc/{p}")}

    @staticmethod
    def children():
        return set(read(f"/proc/self/task/{os.getpid()}/children").split())

    def pids(self):
        return self.tree.pid, self.tree.child

    def restores(self):
        status, out, said = run("restore", "-d", "-D", self.images)
        check(status == 0, f"restore: exit status {status}: {out}{said}")
        self.tree.check_runs()
        self.tree.close()


# ---------------------------------------------------------------- damage

def truncated(dumped):
    for name, data in dumped.files.items():
        if name in UNREAD:
            continue
        for size in sorted({0, 1, 4, 8, 11, len(data) // 2, len(data) - 1}):
            if size < len(data):
                dumped.put(name, data[:size])
                dumped.refused(f"{name} of {size} bytes", re.escape(name),
                               "use another copy")
        os.unlink(f"{dumped.images}/{name}")
        dumped.refused(f"{name} is missing", re.escape(name),
                       "use another copy|pass the directory of one")
        dumped.put(name, data + b"x")
        dumped.refused(f"{name} is longer", re.escape(name), "use another copy")
        dumped.heal(name)


def damaged(dumped):
    names = [name for name in dumped.files if name not in UNREAD]
    for number in range(200):
        name = names[number % len(names)]
        data = bytearray(dumped.files[name])
        for _ in range(random.choice((1, 1, 8))):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        if data != dumped.files[name]:
            dumped.put(name, data)
            dumped.refused(f"{name} damaged, seed {SEED}",
                           r"[a-z0-9]\.img: ", "; |dump")
            dumped.heal(name)


def strangers(dumped):
    """A file that is none of the dump, and one that is not a file."""
    dumped.put("core-1.img", dumped.files["inventory.img"])
    dumped.refused("one image too many", "core-1.img: is not a part of this dump; remove it")
    os.unlink(f"{dumped.images}/core-1.img")
    name = f"core-{dumped.tree.child}.img"
    os.rename(f"{dumped.images}/{name}", "hidden")
    os.symlink(os.path.abspath("hidden"), f"{dumped.images}/{name}")
    dumped.refused("a symbolic link", f"{name}: is a symbolic link")
    os.unlink(f"{dumped.images}/{name}")
    os.mkfifo(f"{dumped.images}/{name}")
    dumped.refused("a fifo", f"{name}: is not a regular file")
    os.unlink(f"{dumped.images}/{name}")
    os.rename("hidden", f"{dumped.images}/{name}")


# ---------------------------------------------------------------- versions

def fields(message):
    """[(number, bytes of the whole field, value)] of a packed message."""
    at, found = 0, []
    while at < len(message):
        begin = at
        tag, at = varint(message, at)
        value = None
        if tag & 7 == 0:
            value, at = varint(message, at)
        elif tag & 7 == 2:
            size, at = varint(message, at)
            value, at = message[at:at + size], at + size
        else:
            at += {1: 8, 5: 4}[tag & 7]
        found.append((tag >> 3, message[begin:at], value))
    return found


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def versions(dumped):
    """img_version is field 1 of the inventory; 1000 is what crl adds, its version field 1."""
    data = dumped.files["inventory.img"]
    all_fields = fields(data[8:])
    seal = next(value for number, _, value in all_fields if number == 1000)

    def put(parts):
        message = b"".join(parts)
        dumped.put("inventory.img", data[:4] + len(message).to_bytes(4, "little") + message)

    newer = b"\x08\x63" + b"".join(whole for number, whole, _ in fields(seal) if number != 1)
    put([whole for number, whole, _ in all_fields if number != 1000]
        + [b"\xc2\x3e" + bytes([len(newer)]) + newer])
    dumped.refused("newer checksums", "inventory.img: has checksums of version 99",
                   "use a newer crl")

    os.rename(f"{dumped.images}/crl-sums.img", "hidden")
    for version in (0, 3, 4000):
        number = bytes([version & 0x7F | 0x80, version >> 7])
        put([b"\x08" + number] + [whole for field, whole, _ in all_fields
                                  if field not in (1, 1000)])
        dumped.refused(f"version {version}", f"inventory.img: image version {version} is not known",
                       "use the program that made the dump")
    os.rename("hidden", f"{dumped.images}/crl-sums.img")
    dumped.heal("inventory.img")


# ---------------------------------------------------------------- files of the tree

USES_FILES = """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_size_t]
os.umask(0o22)
if child == 0:
    os.chdir("cwd")
    opened = open("../opened")
    opened.seek(3)
else:
    opened = os.open("grows", os.O_WRONLY | os.O_APPEND)
    for name, protection, flags in (("mapped", 1, 1), ("program", 5, 2)):
        fd = os.open(name, os.O_RDONLY)
        assert libc.mmap(None, 4096, protection, flags, fd, 0) != 2**64 - 1
        os.close(fd)
"""


def make_files():
    for name in ("opened", "mapped", "grows"):
        with open(name, "wb") as f:
            f.write(b"0123456789" * 1000)
    shutil.copy("/bin/true", "program")
    os.mkdir("cwd")


def append(path):
    with open(path, "ab") as f:
        f.write(b"x")


def other_build(path):
    """The same program by its size, but not by its build id."""
    with open(path, "r+b") as f:
        data = f.read()
        at = data.index(b"\4\0\0\0\x14\0\0\0\3\0\0\0GNU\0") + 16
        f.seek(at)
        f.write(bytes([data[at] ^ 1]))


def remove(path):
    os.rmdir(path) if os.path.isdir(path) else os.unlink(path)


def replace_by_directory(path):
    remove(path)
    os.mkdir(path, 0o644)


CHANGES = (
    (os.unlink, "it was open or mapped, and is not to be had", "bring it back"),
    (append, r"it has 10001 bytes now and had 10000", "bring back the file"),
    (lambda path: os.truncate(path, 0), r"it has 0 bytes now and had 10000", "bring back the file"),
    (replace_by_directory, "it is of another type now", "bring back"),
    (lambda path: os.chmod(path, 0o600), "its permissions are 600 now and were 644",
     "restore them"),
)


def changed_files():
    make_files()
    dumped = Dumped(after=USES_FILES)
    for name, pid in (("opened", dumped.tree.child), ("mapped", dumped.tree.pid)):
        for change, *patterns in CHANGES:
            changed(dumped, name, pid, change, *patterns)
    changed(dumped, "program", dumped.tree.pid, other_build, "another build of the file",
            "bring back the one that was running, or pass --file-validation filesize")
    changed(dumped, "cwd", dumped.tree.child, os.rmdir, "is not to be had", "bring it back")
    append("grows")     # as others may do with a log
    dumped.restores()


def changed(dumped, name, pid, change, *patterns):
    """The original comes back afterwards, the very same file."""
    if os.path.isdir(name):
        shutil.copytree(name, "kept")
    else:
        os.link(name, "original")
        shutil.copy2(name, "kept")
    remove(name)
    os.rename("kept", name)
    change(name)
    dumped.refused(f"{name}: {getattr(change, '__name__', change)}",
                   rf"pid {pid}: file: {re.escape(os.path.abspath(name))}: ", *patterns)
    with contextlib.suppress(FileNotFoundError):
        remove(name)
    if os.path.exists("original"):
        os.rename("original", name)
    else:
        os.mkdir(name)


# ---------------------------------------------------------------- pids in use

class CloneArgs(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in (
        "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls",
        "set_tid", "set_tid_size", "cgroup")]


def clone(pid, flags, exit_signal):
    """Like fork: 0 in the new task, whose id is `pid`.

    Since Linux 6.15 the id of a thread is free only a little after its process can be reaped.
    """
    wanted = ctypes.c_int(pid)
    args = CloneArgs(flags=flags, exit_signal=exit_signal, set_tid=ctypes.addressof(wanted),
                     set_tid_size=1)
    made, deadline = -1, time.monotonic() + 1
    while made < 0 and time.monotonic() < deadline:
        made = LIBC.syscall(SYS_CLONE3, ctypes.byref(args), ctypes.sizeof(args))
    check(made in (0, pid), f"make pid {pid}: {os.strerror(ctypes.get_errno())}")
    return made


def fork_as(pid, child):
    """A child with this pid, which calls child() and waits for a signal."""
    if clone(pid, 0, signal.SIGCHLD) == 0:
        try:
            child()
            LIBC.pause()
        finally:
            os._exit(1)


class Holder:
    """A process that has a pid, in one way or another."""

    def __init__(self, pid, how):
        self.pid = self.process = pid
        self.how = how
        if how == "process":
            fork_as(pid, lambda: None)
        elif how == "zombie":
            fork_as(pid, lambda: os._exit(3))
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        elif how == "thread":
            self.hold_thread()
        else:
            self.hold_group(os.setsid if how == "session" else os.setpgrp)

    def hold_group(self, lead):
        """The leader has ended, and a member is left."""
        ours, theirs = os.pipe()

        def leader():
            lead()
            member = os.fork()
            if member == 0:
                os.setpgid(0, 0) if self.how == "session" else None
                os.write(theirs, b"%d" % os.getpid())
                LIBC.pause()
            os._exit(0)

        fork_as(self.pid, leader)
        os.waitpid(self.pid, 0)
        self.process = int(os.read(ours, 20))
        os.close(ours)
        os.close(theirs)

    def hold_thread(self):
        """The thread goes on where its leader was, which waits for it as after a vfork."""
        ours, theirs = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            clone(self.pid, CLONE_VFORK_THREAD, 0)
            os.write(theirs, b".")
            LIBC.pause()
            os._exit(1)
        os.close(theirs)
        check(os.read(ours, 1) == b".", f"no thread {self.pid}")
        os.close(ours)

    def state(self):
        stat = read(f"/proc/{self.process}/stat").rpartition(")")[2].split()
        return stat[0] in "RS" or stat[0], stat[1:4], re.search(r"TracerPid:\t(\d+)",
                                             read(f"/proc/{self.process}/status"))[1]

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


AS = {"process": r"process {process} \(python3?\) has it as its pid; wait",
      "zombie": r"process {process} \(python3?\), a zombie, .* its parent, process {me} "
                r"\(python3?\), collects it; have the parent do so",
      "thread": r"process {process} \(python3?\) has it as one of its threads; wait",
      "group": r"process {process} \(python3?\) has it as its process group; wait",
      "session": r"process {process} \(python3?\) has it as its session; wait"}


def pid_in_use(dumped):
    for pid in dumped.pids():
        for how, pattern in AS.items():
            holder = Holder(pid, how)
            before, dumped.kept = holder.state(), str(holder.process)
            dumped.refused(f"pid in use, {how}", f"pid {pid} is in use: "
                           + pattern.format(process=holder.process, me=os.getpid()))
            check(holder.state() == before, f"the {how} with pid {pid} has been touched")
            holder.close()
            dumped.kept = None


def still_there():
    """The tree of a dump with --leave-running is in its own way."""
    tree = Tree()
    try:
        dump(tree, "-R")
        refused("itself", ["restore", "-d", "-D", "images"],
                rf"pid {tree.pid} is in use: process {tree.pid} \(python3?\) has it as its pid")
        tree.check_runs()
    finally:
        tree.close()


# ---------------------------------------------------------------- privilege, options

def privilege(dumped):
    os.chmod(dumped.images, 0o755)
    for name in dumped.files:
        os.chmod(f"{dumped.images}/{name}", 0o644)
    as_nobody()
    dumped.refused("as nobody", "CAP_CHECKPOINT_RESTORE|ermission denied", **as_nobody())
    dumped.refused("without the capability", rf"pid {dumped.tree.pid}\b.*CAP_CHECKPOINT_RESTORE",
                   **without(CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE))
    for name in dumped.files:
        os.chmod(f"{dumped.images}/{name}", 0o600)
    dumped.refused("unreadable images", r"\.img: .*ermission denied", **as_nobody())


def shell_job():
    dumped = Dumped("--shell-job", session=False)
    dumped.refused("a shell job", rf"pid {dumped.tree.pid}\b", "session", "pass --shell-job")
    dumped.refused("a pidfile that exists", "pidfile .*/crl-copy: File exists",
                   options=("--shell-job", "--pidfile", os.path.abspath("crl-copy")))


def main():
    random.seed(SEED)
    refusals.begin()
    dumped = Dumped()
    return refusals.run_cases((
        (truncated, (dumped,)), (damaged, (dumped,)), (strangers, (dumped,)),
        (versions, (dumped,)), (changed_files, ()), (pid_in_use, (dumped,)), (still_there, ()),
        (privilege, (dumped,)), (shell_job, ()), (dumped.restores, ())))


if __name__ == "__main__":
    sys.exit(main())
