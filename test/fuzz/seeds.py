# SPDX-License-Identifier: GPL-2.0-only
"""What the fuzzers begin with: dumps of real trees, and text of a real /proc.

Trees are the programs of test/zdtm and one of python. Their directories stay, since images
name files in them. A dump becomes an archive (archive.h) in which the inventory does not
mention checksums.
"""
import hashlib
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "zdtm"))
from worker import PR_SET_CHILD_SUBREAPER, Failure, Run, kill_descendants, prctl   # noqa: E402

ARCHIVE_MAX = 128 << 10
OF_A_KIND = 40      # single images of one kind, for fuzz-frame
CRL_FIELD = 1000    # of the inventory

PYTHON = """
import os, select, signal, socket, tempfile, threading
ours, theirs = os.pipe(), socket.socketpair()
os.write(ours[1], b"in the pipe")
theirs[0].send(b"in the socket")
poll = select.epoll()
poll.register(ours[0], select.EPOLLIN)
nameless = tempfile.TemporaryFile(dir=".")
nameless.write(b"in a file without a name")
nameless.flush()
signal.setitimer(signal.ITIMER_REAL, 10000)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setpgid(0, 0)
never = threading.Event()
for _ in range(2):
    threading.Thread(target=never.wait).start()
open("ready-%d" % os.getpid(), "w").close()
never.wait()
"""


# ---------------------------------------------------------------- archives

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def without_field(message, number):
    kept, at = b"", 0
    while at < len(message):
        begin = at
        tag, at = varint(message, at)
        if tag & 7 == 0:
            _, at = varint(message, at)
        elif tag & 7 == 2:
            size, at = varint(message, at)
            at += size
        else:
            at += {1: 8, 5: 4}[tag & 7]
        if tag >> 3 != number:
            kept += message[begin:at]
    return kept


def content(path):
    """Of page files only the size matters; the inventory mentions no checksums."""
    if path.name.startswith("pages-"):
        return struct.pack("<Q", path.stat().st_size)
    data = path.read_bytes()
    if path.name == "inventory.img":
        message = without_field(data[8:], CRL_FIELD)
        data = data[:4] + struct.pack("<I", len(message)) + message
    return data


def pack(files):
    return b"".join(bytes([len(name)]) + name.encode() + struct.pack("<I", len(data)) + data
                    for name, data in files)


# ---------------------------------------------------------------- trees

def dump(crl, run, pid):
    """The files of a dump, or None when it was refused."""
    images = run.home / "images"
    images.mkdir()
    with open(run.home / "said", "wb") as said:
        done = subprocess.run([crl, "dump", "-t", str(pid), "-D", images,
                               "--file-locks"], stdin=subprocess.DEVNULL, stdout=said,
                              stderr=said)
    if done.returncode:
        return None
    files = [(path.name, content(path)) for path in sorted(images.iterdir())
             if path.name.endswith(".img")]
    for path in images.iterdir():
        path.unlink()
    return files


def of_zdtm(crl, programs, home):
    for program in programs:
        run = Run(SimpleNamespace(name=program.name, uid=0, sabotage=None), home / program.name,
                  SimpleNamespace(bin=program.parent))
        try:
            run.prepare()
            run.start()
            files = dump(crl, run, run.pid)
            if files:
                yield program.name, files
        except Failure:     # skipped by itself
            pass
        finally:
            kill_descendants()


def of_python(crl, home):
    home.mkdir()
    watch = subprocess.Popen([sys.executable, "-c", PYTHON], cwd=home, stdin=subprocess.DEVNULL,
                             stdout=open(home / "out", "wb"), stderr=subprocess.STDOUT,
                             start_new_session=True)
    try:
        while len(list(home.glob("ready-*"))) < 3:
            if watch.poll() is not None:
                raise Failure(f"the python tree has ended: {(home / 'out').read_text()}")
        files = dump(crl, SimpleNamespace(home=home), watch.pid)
        if not files:
            raise Failure((home / "said").read_text())
        yield "python", files
    finally:
        watch.returncode = 0
        kill_descendants()


# ---------------------------------------------------------------- seeds

def of_proc():
    """(reader, text): what was captured for the unit tests, and our own."""
    for path in sorted((HERE.parent / "unit" / "proc").iterdir()):
        if path.suffix != ".h":
            yield path.name.partition("-")[0], path.read_bytes()
    own = Path("/proc/self")
    for name in ("maps", "smaps", "stat", "status", "limits", "timers", "mountinfo", "cgroup"):
        yield name, (own / name).read_bytes()
    for path in sorted((own / "fdinfo").iterdir()):
        try:
            yield "fdinfo", path.read_bytes()
        except OSError:     # that of the directory itself
            pass
    yield "locks", Path("/proc/locks").read_bytes()
    yield "children", b"12 345 6789 "


def put(directory, data):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)


def make(crl, programs, trees, seeds):
    """Fill seeds/{load,show,frame,proc}; the number of dumps."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    dumps, singles = 0, {}
    for source in (of_python(crl, trees / "python"), of_zdtm(crl, programs, trees)):
        for _, files in source:
            dumps += 1
            for name, data in files:
                singles.setdefault(name.partition("-")[0].partition(".")[0], set()).add(
                    (name, data))
            put_dump(seeds, files)
    for images in singles.values():
        small = sorted(images, key=lambda image: (len(image[1]), image))
        for image in small[::max(1, len(small) // OF_A_KIND)]:
            if len(image[1]) < ARCHIVE_MAX:
                put(seeds / "frame", pack([image]))
    for reader, text in of_proc():
        put(seeds / "proc", reader.encode() + b"\n" + text)
    return dumps


def put_dump(seeds, files):
    whole = pack(files)
    if len(whole) < ARCHIVE_MAX:
        put(seeds / "load", whole)
        put(seeds / "show", pack([f for f in files if f[0] != "crl-sums.img"]))
