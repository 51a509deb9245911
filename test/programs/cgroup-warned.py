# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""A tree in another cgroup than crl: the dump says so, once; in the same one it does not."""
import contextlib
import os
import signal
import subprocess
import sys

CRL = os.environ["CRL"]


def hierarchy():
    """A directory where cgroups can be made, and crl's own cgroup below it."""
    with open("/proc/self/mountinfo") as f:
        mounts = [line.split() for line in f]
    with open("/proc/self/cgroup") as f:
        own = dict((line.split(":")[1], line.rstrip("\n").split(":", 2)[2]) for line in f)
    for m in mounts:
        kind, options = m[m.index("-") + 1], m[-1].split(",")
        name = "" if kind == "cgroup2" else next((n for n in own if n and n in options), None)
        if kind in ("cgroup", "cgroup2") and name in own and m[3] == "/":
            path = m[4] + own[name]
            if os.access(path, os.W_OK):
                yield path


def warned(pid, directory):
    os.mkdir(directory)
    done = subprocess.run([CRL, "dump", "-t", str(pid), "-D", directory, "-R"], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"dump: {done.stdout}")
    return done.stdout.count("is in cgroup")


def main():
    base = next(hierarchy(), None)
    if not base:
        print("no cgroup can be made here")
        return 77
    group = f"{base}/crl-test-{os.getpid()}"
    sleeper = subprocess.Popen(["sh", "-c", "sleep 1000 & sleep 1000; :"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        same = warned(sleeper.pid, "same")
        os.mkdir(group)
        with open(f"{group}/cgroup.procs", "w") as f:
            f.write(str(sleeper.pid))
        other = warned(sleeper.pid, "other")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(sleeper.pid, signal.SIGKILL)
        sleeper.wait()
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(group)
    if (same, other) != (0, 1):
        print(f"{same} warnings in the same cgroup, {other} in another")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
