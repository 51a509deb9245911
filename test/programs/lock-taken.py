# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
# needs: setpriv
#
"""Locks of a dumped tree that others take meanwhile, share, or hold on the same files."""
import contextlib
import fcntl
import mmap
import os
import select
import signal
import struct
import subprocess
import sys

CRL = os.environ["CRL"]
MAIN = os.getpid()
TIMEOUT = 30
F_OFD_SETLK = 37
F_SETLEASE = 1024
READ, WRITE, UNLOCK = fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK

PRELUDE = """
import fcntl, mmap, os, signal, struct
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.signal(signal.SIGIO, signal.SIG_IGN)
def lock(fd, cmd, type, start, length):
    fcntl.fcntl(fd, cmd, struct.pack("hhqqi4x", type, 0, start, length, 0))
fd = os.open("file", os.O_RDWR)
"""

FINALE = """
os.close(1)
signal.sigwait([signal.SIGUSR1])
"""


class Failure(Exception):
    pass


def check(truth, text):
    if not truth:
        raise Failure(text)


def lock(fd, cmd, kind, start, length):
    fcntl.fcntl(fd, cmd, struct.pack("hhqqi4x", kind, 0, start, length, 0))


def run(*args, under=()):
    done = subprocess.run([*under, CRL, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


def crl(*args):
    status, said = run(*args)
    check(status == 0, f"crl {args[0]}: exit status {status}: {said}")
    return said


class Tree:
    """A program with an open file, in a directory of its own, which is made the current one."""

    def __init__(self, home, program, pass_fds=(), under=()):
        os.makedirs(home)
        os.chdir(home)
        with open("file", "wb") as file:
            file.write(bytes(4096))
        with open("stderr", "w") as stderr:
            self.child = subprocess.Popen([*under, sys.executable, "-c",
                                           PRELUDE + program + FINALE],
                                          start_new_session=True, stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=stderr,
                                          pass_fds=pass_fds)
        check(select.select([self.child.stdout], [], [], TIMEOUT)[0], "it is not ready")
        self.child.stdout.close()
        with open("stderr") as stderr:
            check(self.child.poll() is None, f"it has ended: {stderr.read()}")

    def dump(self, *options):
        os.mkdir("images")
        said = crl("dump", "-t", str(self.child.pid), "-D", "images", *options)
        check(self.child.wait(10) == -signal.SIGKILL, "it was not killed")
        return said

    def refused(self, *texts, under=()):
        status, said = run("restore", "-d", "-D", "images", under=under)
        check(status == 1, f"a restore with the lock taken exits with {status}: {said}")
        for text in texts:
            check(text in said, f"not a word of '{text}': {said}")
        check(not os.path.exists(f"/proc/{self.child.pid}"), "a task is left")

    def restore(self):
        crl("restore", "-d", "-D", "images")

    def end(self):
        pidfd = os.pidfd_open(self.child.pid)
        os.kill(self.child.pid, signal.SIGUSR1)
        check(select.select([pidfd], [], [], TIMEOUT)[0], "the restored program does not end")
        os.close(pidfd)


@contextlib.contextmanager
def other_process(act):
    """A process that does act() on the file and stays; yields its pid."""
    here, there = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        os.close(there[1])
        status = 1
        with contextlib.suppress(OSError):
            kept = act()    # what must not be closed
            os.write(here[1], b"r")
            os.read(there[0], 1)
            status = 0 if kept is not there else 1
        os._exit(status)
    os.close(here[1])
    os.close(there[0])
    try:
        check(os.read(here[0], 1) == b"r", "the other process could not do its part")
        yield pid
    finally:
        os.close(there[1])
        os.close(here[0])
        os.waitpid(pid, 0)


def taken(home, program, act, *texts, under=()):
    """Dumped with a lock, which another process takes, and releases by its end."""
    tree = Tree(home, program, under=under)
    tree.dump()
    with other_process(act) as pid:
        tree.refused(f"({home}/file)", f"pid {pid} (python3) ", *texts, under=under)
    tree.restore()
    try:
        act()
    except BlockingIOError:
        pass
    else:
        raise Failure("the restored program does not hold the lock")
    tree.end()


def locker(cmd, kind, start, length):
    def act():
        fd = os.open("file", os.O_RDWR)
        lock(fd, cmd, kind, start, length)
        return fd
    return act


def unseen(cmd, kind, start, length):
    """A process that root may not look at without CAP_SYS_PTRACE."""
    def act():
        fd = os.open("file", os.O_RDWR)
        if os.getpid() != MAIN:
            os.setuid(65534)
        lock(fd, cmd, kind, start, length)
        return fd
    return act


def flocker(how):
    def act():
        fd = os.open("file", os.O_RDWR)
        fcntl.flock(fd, how | fcntl.LOCK_NB)
        return fd
    return act


def opener():
    return os.open("file", os.O_WRONLY | os.O_NONBLOCK)


def all_taken(top):
    posix = "lock(fd, fcntl.F_SETLK, fcntl.F_WRLCK, 100, 100)\n"
    taken(f"{top}/posix", posix, locker(fcntl.F_SETLK, READ, 150, 0),
          "the POSIX write lock of bytes 100 to 199 cannot be taken", "holds a lock against it")
    taken(f"{top}/unseen", posix, unseen(fcntl.F_SETLK, WRITE, 0, 0),
          "the POSIX write lock of bytes 100 to 199 cannot be taken",
          under=["setpriv", "--bounding-set=-sys_ptrace"])
    taken(f"{top}/posix-ofd", posix, locker(F_OFD_SETLK, WRITE, 199, 1),
          "the POSIX write lock of bytes 100 to 199 cannot be taken")
    taken(f"{top}/ofd", f"lock(fd, {F_OFD_SETLK}, fcntl.F_RDLCK, 1 << 40, 0)\n",
          locker(F_OFD_SETLK, WRITE, 0, 0),
          "the OFD read lock of bytes 1099511627776 to the end cannot be taken")
    taken(f"{top}/flock", "fcntl.flock(fd, fcntl.LOCK_EX)\n", flocker(fcntl.LOCK_SH),
          "the flock write lock cannot be taken")
    taken(f"{top}/lease", "fd = os.dup2(os.open('file', os.O_RDONLY), fd)\n"
          f"fcntl.fcntl(fd, {F_SETLEASE}, fcntl.F_RDLCK)\n", opener,
          "the read lease cannot be taken", "has the file open")


def not_in_the_way(top):
    """Others hold locks on the file that leave room, one of them on what the tree maps."""
    tree = Tree(f"{top}/room", "m = mmap.mmap(fd, 4096)\n"
                "lock(fd, fcntl.F_SETLK, fcntl.F_RDLCK, 0, 10)\n"
                "fcntl.flock(fd, fcntl.LOCK_SH)\n")
    shared = flocker(fcntl.LOCK_SH)()
    beside = locker(F_OFD_SETLK, WRITE, 10, 10)()
    tree.dump("--file-locks")
    tree.restore()
    os.close(shared)
    os.close(beside)
    shown = crl("show", "images", str(tree.child.pid))
    check("POSIX read lock of bytes 0 to 9" in shown and "flock read lock" in shown,
          f"crl show: {shown}")
    tree.end()


def shared_with_outside(top):
    """As with flock(1): who took the lock is outside, the tree has inherited it."""
    home = f"{top}/outside"
    os.makedirs(f"{home}/lock")
    fd = os.open(f"{home}/lock/file", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    tree = Tree(f"{home}/tree", "", pass_fds=[fd])
    said = tree.dump()
    check(f"is shared with pid {os.getpid()} (" in said, f"the dump said: {said}")
    tree.refused(f"{home}/lock/file", f"pid {os.getpid()} (")
    os.close(fd)
    tree.restore()
    fd = os.open(f"{home}/lock/file", os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        raise Failure("the restored program does not hold the lock that it had inherited")
    os.close(fd)
    tree.end()


def main():
    top = os.getcwd()
    try:
        all_taken(top)
        not_in_the_way(top)
        shared_with_outside(top)
    except (Failure, OSError) as failure:
        print(f"{os.path.relpath(os.getcwd(), top)}: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
