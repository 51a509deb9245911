# SPDX-License-Identifier: GPL-2.0-only
"""A tree for test/check-faults, of what kill-load.c has not: fault-extra.py HEART DEVIATIONS

Many threads, memory enough for several writers, a zombie, a task in the session of a leader
that is gone, locks, an epoll file, sockets, an eventfd and a timerfd. It looks at all of it
every few milliseconds, counts up HEART, and writes what is wrong to DEVIATIONS. HEART also
has the pids, behind the counter, and a word that the watcher changes; it ends when he does not.
"""
import ctypes
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

THREADS, BYTES, HALF, LEASE, NOBODY = 70, 12 << 20, 1 << 20, 300, 65534
LIBC = ctypes.CDLL(None)
PR_SET_CHILD_SUBREAPER = 36


def await_state(pid, state):
    while open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != state:
        time.sleep(0.001)


def make_zombie():
    pid = os.fork()
    if not pid:
        os._exit(3)
    await_state(pid, "Z")
    return pid


def make_orphan():
    """A child of ours whose session is led by nobody any more."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ends = os.pipe()
    leader = os.fork()
    if not leader:
        os.setsid()
        pid = os.fork()     # in the group of the leader
        if pid:
            os.write(ends[1], str(pid).encode())
            os._exit(0)
        signal.setitimer(signal.ITIMER_VIRTUAL, 3600)
        os.setpgid(0, 0)
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        while True:
            signal.pause()
    os.waitpid(leader, 0)
    pid = int(os.read(ends[0], 20))
    while os.getsid(pid) != leader:
        time.sleep(0.001)
    for fd in ends:
        os.close(fd)
    while f"Uid:\t{NOBODY}" not in open(f"/proc/{pid}/status").read():
        time.sleep(0.001)
    return pid


def make_heir():
    """A child that has all of a mapping, of which we keep a half."""
    LIBC.mmap.restype = ctypes.c_void_p
    at = LIBC.mmap(None, ctypes.c_size_t(HALF * 2), mmap.PROT_READ, mmap.MAP_PRIVATE |
                   mmap.MAP_ANONYMOUS, -1, ctypes.c_long(0))
    pid = os.fork()
    while not pid:
        signal.pause()
    LIBC.munmap(ctypes.c_void_p(at + HALF), ctypes.c_size_t(HALF))
    return pid


class State:
    def __init__(self, directory):
        self.zombie, self.orphan, self.heir = make_zombie(), make_orphan(), make_heir()
        self.memory = mmap.mmap(-1, BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for at in range(0, BYTES, 4096):
            struct.pack_into("Q", self.memory, at, at * 7 + 1)
        self.locked = open(f"{directory}/extra.lock", "w")
        fcntl.lockf(self.locked, fcntl.LOCK_EX)
        self.sockets = socket.socketpair()
        self.sockets[0].send(b"to be read some day")
        self.event = LIBC.eventfd(77, 0)
        self.timer = LIBC.timerfd_create(time.CLOCK_MONOTONIC, 0)
        every = struct.pack("4q", 0, 5000000, 0, 5000000)
        LIBC.timerfd_settime(self.timer, 0, every, None)
        self.epoll = select.epoll()
        self.epoll.register(self.timer, select.EPOLLIN)
        self.hold = threading.Event()
        for _ in range(THREADS):
            threading.Thread(target=self.hold.wait, daemon=True).start()

    def deviations(self, turn):
        at = turn * 1301 % (BYTES // 4096) * 4096
        if struct.unpack_from("Q", self.memory, at)[0] != at * 7 + 1:
            yield f"memory at {at}"
        if os.waitid(os.P_PID, self.zombie, os.WEXITED | os.WNOHANG | os.WNOWAIT).si_status != 3:
            yield "the zombie"
        if os.getsid(self.orphan) in (os.getsid(0), self.orphan):
            yield "the session of the orphan"
        if self.sockets[1].recv(64, socket.MSG_PEEK) != b"to be read some day":
            yield "the socket"
        if not self.epoll.poll():
            yield "the epoll file, or the timer"
        os.read(self.timer, 8)
        if os.read(self.event, 8) != struct.pack("Q", 77):
            yield "the eventfd"
        os.write(self.event, struct.pack("Q", 77))
        if threading.active_count() != THREADS + 1:
            yield "the threads"


def main():
    with open(sys.argv[1], "r+b") as file:
        heart = mmap.mmap(file.fileno(), 4096)
    report = open(sys.argv[2], "w", buffering=1)
    state = State(os.path.dirname(os.path.abspath(sys.argv[1])))
    struct.pack_into("4Q", heart, 8, os.getpid(), state.orphan, state.heir, state.zombie)
    turn, lease, since = 0, b"", time.monotonic()
    while True:
        for text in state.deviations(turn):
            report.write(text + "\n")
        turn += 1
        struct.pack_into("Q", heart, 0, turn)
        if heart[64:72] != lease:
            lease, since = heart[64:72], time.monotonic()
        elif time.monotonic() - since > LEASE:
            break
    os.kill(state.orphan, signal.SIGKILL)
    os.kill(state.heir, signal.SIGKILL)


main()
