# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""What cannot be dumped is refused: status 1, one sentence that says what and why, no harm.

The tree must run on, and nothing may be left in the image directory. See bad-images.py for
what cannot be restored.
"""
import os
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import refusals     # noqa: E402
from refusals import (LIBC, NOBODY, Tree, as_nobody, check, dump, empty, fresh,     # noqa: E402
                      refused, run, without)

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
CAP_SYS_PTRACE = 19
WALL = 0x40000000


# ---------------------------------------------------------------- which tree

def no_such_pid():
    process = subprocess.Popen(["true"])
    process.wait()
    refused("free pid", ["dump", "-t", process.pid, "-D", fresh()],
            rf"no process has pid {process.pid}\b")
    refused("free pid", ["check", "-t", process.pid], rf"no process has pid {process.pid}\b")
    for pid in ("x", "0", "-1", "1x", "99999999999", ""):
        refused("no pid", ["dump", f"-t{pid}" if pid else "--tree=", "-D", "images"], "not a pid")
    refused("no -t", ["dump", "-D", "images"], "pass -t PID")
    empty("images")


def thread():
    """A thread id is no pid."""
    threads, end = [], threading.Event()
    for _ in range(2):
        threads.append(threading.Thread(target=end.wait))
        threads[-1].start()
    try:
        refused("a thread", ["dump", "-t", threads[0].native_id, "-D", fresh()],
                rf"\b{threads[0].native_id}\b.*thread of pid {os.getpid()}\b")
    finally:
        end.set()
        for one in threads:
            one.join()
    empty("images")


def ancestors():
    refused("its parent", ["dump", "-t", os.getpid(), "-D", fresh()],
            rf"pid {os.getpid()} \(python3?.*\)", "itself runs below", "start crl from outside")
    status = subprocess.run(["sh", "-c", f"{refusals.CRL} dump -t $$ -D images; exit $?"],
                            capture_output=True, check=False)
    check(status.returncode == 1 and b"itself runs below" in status.stderr, f"its shell: {status}")
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
                rf"traced by pid {os.getpid()} \(", "detach")
        LIBC.ptrace(PTRACE_INTERRUPT, tree.child, 0, 0)
        os.waitpid(tree.child, WALL)
        LIBC.ptrace(PTRACE_DETACH, tree.child, 0, 0)
        tree.check_runs()
    finally:
        tree.close()
    empty("images")


def privilege(tree):
    how = as_nobody()
    os.chown(fresh(), NOBODY, NOBODY)
    refused("somebody else's tree", ["dump", "-t", tree.pid, "-D", "images"],
            rf"pid {tree.pid} \(python3?.*\)", "run crl as root or with CAP_SYS_PTRACE", **how)
    empty("images")
    tree.check_runs()
    refused("without CAP_SYS_PTRACE", ["dump", "-t", tree.pid, "-D", "images"],
            rf"pid {tree.pid} \(python3?.*\)", "run crl as root or with CAP_SYS_PTRACE",
            **without(CAP_SYS_PTRACE))
    empty("images")
    tree.check_runs()
    refused("somebody else's directory", ["dump", "-t", tree.pid, "-D", fresh()],
            "image directory images", "ermission denied", "choose a directory that crl may write",
            **how)
    empty("images")
    tree.check_runs()


# ---------------------------------------------------------------- directories

def directories(tree):
    for command in (["dump", "-t", tree.pid], ["restore"]):
        refused("missing", [*command, "-D", "absent"], "image directory absent",
                "No such file or directory; make it, or pass another")
        refused("a file", [*command, "-D", "tree.out"], "image directory tree.out",
                "Not a directory; pass another")
    refused("no work directory", ["dump", "-t", tree.pid, "-D", fresh(), "-W", "absent"],
            "work directory absent", "-W")
    refused("no log file", ["dump", "-t", tree.pid, "-D", "images", "-o", "absent/log"],
            "log file absent/log", "-o")
    empty("images")
    dump(tree, "-R")
    before = sorted(os.listdir("images"))
    refused("a dump", ["dump", "-t", tree.pid, "-D", "images"], "image directory images",
            "already holds a dump", "choose an empty directory, or remove the dump")
    check(sorted(os.listdir("images")) == before, "the dump that was there has changed")
    os.unlink("images/inventory.img")
    refused("remains", ["dump", "-t", tree.pid, "-D", "images"], "image directory images",
            "unfinished", r"remove its \*.img files")
    tree.check_runs()


READ_ONLY = 1 | 32     # MS_RDONLY | MS_REMOUNT

def read_only(tree):
    os.mkdir("tmpfs")
    check(LIBC.mount(b"none", b"tmpfs", b"tmpfs", 0, b"") == 0, "cannot mount a tmpfs")
    check(LIBC.mount(b"none", b"tmpfs", None, READ_ONLY, None) == 0, "cannot make it read-only")
    refused("read-only", ["dump", "-t", tree.pid, "-D", "tmpfs"], "image directory tmpfs",
            "Read-only file system; choose a directory that crl may write")
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
        said = refused("unsupported", ["dump", "-t", tree.pid, "-D", fresh()],
                       rf"pid {tree.pid} \(python3?\) fd \d+ .*inotify",
                       rf"pid {tree.child} \(python3?\) fd \d+ .*TCP", lines=4)
        for line in said.splitlines():
            check("; close it before the dump" in line, f"no remedy: {line}")
        tree.check_runs()
        empty("images")
    finally:
        tree.close()


def session():
    tree = Tree(session=False)
    try:
        refused("a shell job", ["dump", "-t", tree.pid, "-D", fresh()],
                rf"pid {tree.pid} \(python3?\)", rf"session {os.getsid(0)}\b", "pass --shell-job",
                lines=None)
        tree.check_runs()
        empty("images")
    finally:
        tree.close()


# ---------------------------------------------------------------- no room

def no_space():
    """A tmpfs that is too small, by much and by little, and one that is just not; no inodes."""
    os.mkdir("full")
    tree = Tree(before="memory = os.urandom(4 << 20)\n")
    try:
        dump(tree, "-R")
        sizes = (os.path.getsize(f"images/{name}") for name in os.listdir("images"))
        need = sum((size + 4095) // 4096 for size in sizes)
        for part in (1, 2, need // 3, need * 2 // 3, need - 40, need - 25, need - 12):
            limited(tree, f"nr_blocks={part}")
        for inodes in (3, 5, 10):
            limited(tree, f"nr_inodes={inodes}")
        limited(tree, f"nr_blocks={2 * need}", enough=True)
    finally:
        tree.close()


def limited(tree, options, enough=False):
    check(LIBC.mount(b"none", b"full", b"tmpfs", 0, options.encode()) == 0, "cannot mount a tmpfs")
    args = ["dump", "-R", "-t", tree.pid, "-D", "full"]
    if enough:
        status, _, said = run(*args)
        check(status == 0, f"tmpfs with {options}: {said}")
    else:
        refused(f"tmpfs with {options}", args, "No space left on device",
                "image directory full", "make some|choose a directory")
        empty("full")
    tree.check_runs()
    LIBC.umount2(b"full", 0)


# ---------------------------------------------------------------- the command line

def options(tree):
    lines = (
        ("", "no command given"),
        ("frob", "unknown command frob"),
        ("--frob", "unknown option --frob"),
        ("dump --frob", "unknown option --frob"),
        ("dump -t {pid} -D images -Z", "unknown option -Z"),
        ("restore -D images -dRZ", "unknown option -Z"),
        ("dump --tree", "--tree needs a value"),
        ("dump -D images -t", "-t needs a value"),
        ("dump -t {pid} -D", "-D needs a value"),
        ("dump -t {pid} --timeout x", "--timeout: 'x' is not a number"),
        ("dump -t {pid} --timeout=-1", "--timeout: '-1' is not a number"),
        ("dump -t {pid} --ghost-limit=1Q", "--ghost-limit: '1Q' is not a size"),
        ("dump -t {pid} -v4x", "--verbosity: '4x' is not a number"),
        ("dump -t {pid} --shell-job=yes", "--shell-job takes no value"),
        ("dump -t {pid} -D images --tcp-established", "--tcp-established is .* leave it out"),
        ("dump -t {pid} -D images -x", "--ext-unix-sk is .* leave it out"),
        ("dump -t {pid} -D images --external mnt", "--external is .* leave it out"),
        ("dump -t {pid} --images-dir", "--images-dir needs a value"),
        ("dump -t {pid} -D images --pidfile", "--pidfile needs a value"),
        ("dump -t {pid} -D images more", "unexpected argument more"),
        ("dump -t {pid} -D images --discover frob", "frob"),
        ("dump -t {pid} -D images --freeze-cgroup absent", "absent"),
        ("dump -t {pid} -D images --action-script false", "action script false failed"),
        ("dump -t {pid} -D images --config absent", "absent: No such file"),
        ("dump -t {pid} -D images --config bad.conf", "bad.conf:2: unknown option frob"),
        ("dump -t {pid} -D images --config worse.conf", "worse.conf:1: tree needs a value"),
        ("restore -D images more", "unexpected argument more"),
        ("restore -D images -S", "--restore-sibling needs --restore-detached"),
        ("restore -D images --exec-cmd", "--exec-cmd needs a command"),
        ("restore -D images --exec-cmd -d -- true", "exclude each other"),
        ("restore -D images --file-validation md5", "--file-validation is buildid or filesize"),
        ("check -t {pid} -D images", "exclude each other"),
        ("check --feature frob", "no feature is called frob"),
        ("check -D absent", "absent: No such file"),
        ("check -D images", "images: inventory.img: missing; this is no dump"),
        ("show", "pass its directory"),
        ("show absent", "absent: No such file"),
        ("show images", "images: .*inventory.img"),
    )
    with open("bad.conf", "w") as f:
        f.write("# a comment\nfrob\n")
    with open("worse.conf", "w") as f:
        f.write("tree\n")
    fresh()
    for line, pattern in lines:
        refused("options", line.format(pid=tree.pid).split(), pattern)
        empty("images")
    tree.check_runs()


def main():
    refusals.begin()
    tree = Tree()
    try:
        return refusals.run_cases((
            (no_such_pid, ()), (thread, ()), (ancestors, ()), (dead_and_traced, ()),
            (privilege, (tree,)), (directories, (tree,)), (read_only, (tree,)),
            (unsupported, ()), (session, ()), (no_space, ()), (options, (tree,))))
    finally:
        tree.close()


if __name__ == "__main__":
    sys.exit(main())
