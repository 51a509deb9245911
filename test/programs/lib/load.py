# SPDX-License-Identifier: GPL-2.0-only
"""The tree of kill-load.c as a Python object: started, watched, dumped, restored, ended."""
import contextlib
import ctypes
import mmap
import os
import re
import signal
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CRL = os.environ["CRL"]
THREADS = 16
SLOT = 64
LEASE = 3072
TIMEOUT = 30
PR_SET_CHILD_SUBREAPER = 36
COUNTER, SIGNALLER, SLEEPER, BLOCKED = range(4)


class Failure(Exception):
    pass


def check(truth, text):
    if not truth:
        raise Failure(text)


def build(binary):
    """The C program, made in the current directory."""
    sources = [os.path.join(HERE, name) for name in ("kill-load.c", "kill-load-spin.S")]
    done = subprocess.run(["gcc", "-std=gnu17", "-O2", "-D_GNU_SOURCE", "-o", binary, *sources,
                           "-lpthread"], capture_output=True, text=True)
    check(done.returncode == 0, f"the load does not build: {done.stderr}")


def become_subreaper():
    """What is restored comes to us when its crl has left."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def read(path):
    with open(path) as f:
        return f.read()


def status_of(pid, tid):
    return dict(line.split(":\t", 1)
                for line in read(f"/proc/{pid}/task/{tid}/status").splitlines() if ":\t" in line)


def spawn(*args, log):
    """crl, started; what it says goes to the file."""
    with open(log, "w") as said:
        return subprocess.Popen([CRL, *args], stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def crl(*args):
    """crl, to its end; what it has said, which is a failure unless it has succeeded."""
    child = spawn(*args, log="crl.log")
    status = child.wait(TIMEOUT)
    said = read("crl.log")
    check(status == 0, f"crl {' '.join(args)}: exit status {status}: {said}")
    return said


class Load:
    def __init__(self, binary, name="load"):
        self.tids = {}
        self.heart_file, self.deviations = f"{name}.heart", f"{name}.deviations"
        with open(self.heart_file, "wb") as heart, open(f"{name}.out", "wb") as out:
            heart.truncate(4096)
            child = subprocess.Popen([os.path.abspath(binary), self.heart_file, self.deviations],
                                     stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     start_new_session=True)
        child.returncode = 0    # reaped by us, not by subprocess
        self.root, self.pids = child.pid, [child.pid]
        with open(self.heart_file, "r+b") as heart:
            self.heart = mmap.mmap(heart.fileno(), 4096)
        self.await_beats([0] * THREADS)
        tids = [self.slot(i)[1] for i in range(THREADS)]
        self.tids = {tids[i]: tids[i:i + 4] for i in range(0, THREADS, 4)}
        self.pids = list(self.tids)
        self.await_beats(self.beats(), 10)  # stacks have grown
        self.masks, self.maps, self.vdso = self.read_masks(), self.read_maps(), self.read_vdso()

    def slot(self, i):
        return struct.unpack_from("4Q", self.heart, i * SLOT)

    def beats(self):
        struct.pack_into("Q", self.heart, LEASE, time.monotonic_ns())
        return [self.slot(i)[0] for i in range(THREADS)]

    def alarms(self):
        return [self.slot(i)[3] for i in range(0, THREADS, 4)]

    def await_beats(self, since, more=2):
        """Every thread has made that many rounds, the last of them after `since`."""
        deadline = time.monotonic() + TIMEOUT
        while late := [i for i, b in enumerate(self.beats()) if b < since[i] + more]:
            if time.monotonic() > deadline:
                raise Failure(f"threads {late} do not go on: {self.describe(late)}")
            time.sleep(0.0005)

    def describe(self, late):
        threads = self.threads()
        return ", ".join(f"thread {i} {self.state_of(*threads[i])}" for i in late
                         if i < len(threads))

    @staticmethod
    def state_of(pid, tid):
        try:
            status = status_of(pid, tid)
            return f"{status['State']}, tracer {status['TracerPid']}"
        except OSError as error:
            return f"is gone ({error.strerror})"

    def threads(self):
        return [(pid, tid) for pid in self.pids for tid in self.tids.get(pid, [])]

    def read_masks(self):
        return {tid: status_of(pid, tid)["SigBlk"] for pid, tid in self.threads()}

    def read_maps(self):
        """A set of lines for each process; shared memory has another inode when it was restored."""
        return {pid: {re.sub(r"\d+ +(/dev/zero)", r"\1", line) for line in self.read_maps_of(pid)}
                for pid in self.pids}

    def read_vdso(self):
        """The bytes of the vdso of each process; crl borrows a few for a while."""
        found = {}
        for pid in self.pids:
            start, end = next((int(n, 16) for n in line.split()[0].split("-"))
                              for line in self.read_maps_of(pid) if line.endswith("[vdso]"))
            with open(f"/proc/{pid}/mem", "rb", 0) as memory:
                memory.seek(start)
                found[pid] = memory.read(end - start)
        return found

    def read_maps_of(self, pid):
        return read(f"/proc/{pid}/maps").splitlines()

    def stop(self):
        self.kill(signal.SIGSTOP)
        self.await_stopped()

    def kill(self, signo):
        for pid in self.pids:
            os.kill(pid, signo)

    def await_stopped(self):
        """Every thread is in group-stop, held by nobody."""
        deadline = time.monotonic() + TIMEOUT
        for pid, tid in self.threads():
            while (status := status_of(pid, tid))["State"][0] != "T":
                if time.monotonic() > deadline:
                    raise Failure(f"was stopped, and is not: {self.describe(range(THREADS))}")
                time.sleep(0.0005)

    def check_runs(self):
        """All threads alive, untraced, not stopped, on their way, and as they were."""
        for pid, tid in self.threads():
            try:
                status = status_of(pid, tid)
            except OSError:
                raise Failure(f"thread {tid} of pid {pid} is gone") from None
            check(status["TracerPid"] == "0", f"thread {tid} is traced by {status['TracerPid']}")
            check(status["State"][0] not in "tZX", f"thread {tid} is in {status['State']}")
        self.await_beats(self.beats())
        alarms = self.alarms()
        for pid, tid in self.threads():
            check(status_of(pid, tid)["State"][0] not in "TtZX", f"thread {tid} has stopped")
        deadline = time.monotonic() + TIMEOUT
        while any(new == old for new, old in zip(self.alarms(), alarms)):
            check(time.monotonic() < deadline, "a timer does not go off any more")
            time.sleep(0.0005)
        self.check_unchanged()

    def check_unchanged(self):
        for tid, mask in self.read_masks().items():
            check(mask == self.masks[tid],
                  f"the signal mask of thread {tid} was {self.masks[tid]}, is {mask}")
        for pid, maps in self.read_maps().items():
            changed = sorted(maps ^ self.maps[pid])
            check(not changed, f"the mappings of pid {pid} have changed:\n" + "\n".join(changed))
        self.check_no_deviations()

    def check_no_deviations(self):
        text = read(self.deviations)
        check(not text, f"the load has noticed:\n{text[:2000]}")

    def wait_killed(self):
        """After a dump that kills: nobody is left."""
        check(os.waitstatus_to_exitcode(os.waitpid(self.root, 0)[1]) == -signal.SIGKILL,
              "the dumped root has not been killed")
        self.wait_gone()

    def wait_gone(self, timeout=TIMEOUT):
        deadline = time.monotonic() + timeout
        while left := self.left():
            check(time.monotonic() < deadline, f"pids {left} are still there")
            time.sleep(0.0005)

    def left(self):
        """Those of its processes that exist; what has ended is collected, if it came to us."""
        for pid in self.pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return [pid for pid in self.pids if os.path.exists(f"/proc/{pid}")]

    def close(self):
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_gone()
