# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
# run: /usr/bin/python3 {file}
# needs: crit
#
"""crit, of the criu package, understands every image that crl writes.

A tree with as many kinds of objects as possible is dumped. Each image must decode to the
entries that belong to it, with the values that the tree has, and encode to the same bytes
again: but for fields of our own (from 1000 on) and those that came into the format after
that crit, nothing may be lost. Raw files (pages-*, crl-sums.img) are not for crit.

CRIT_IMAGES=DIR looks at all dumps below DIR as well.
"""
import base64
import contextlib
import ctypes
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import time

from google.protobuf.descriptor import FieldDescriptor as FD
import pycriu

CRL = os.environ["CRL"]
TIMEOUT = 20
PR_SET_CHILD_SUBREAPER = 36

# The magic's name in crit, by what the name of the file starts with.
MAGIC = {
    "core": "CORE", "fdinfo": "FDINFO", "fifo-data": "FIFO_DATA", "files": "FILES", "fs": "FS",
    "ghost-file": "GHOST_FILE", "ids": "IDS", "inventory": "INVENTORY",
    "memfd": "MEMFD_INODE", "mm": "MM",
    "pagemap": "PAGEMAP", "pagemap-shmem": "PAGEMAP", "pipes-data": "PIPES_DATA",
    "pstree": "PSTREE", "remap-fpath": "REMAP_FPATH", "seccomp": "SECCOMP",
    "sk-queues": "SK_QUEUES", "stats-dump": "STATS", "timens": "TIMENS", "tty-info": "TTY_INFO",
    "filelocks": "FILE_LOCKS",
}
RAW = {"pages", "crl-sums"}

# What CRIU 4.2 has and the crit of Debian 12 (3.17) has not.
LATER = {
    "creds_entry": {18: "no_new_privs", 19: "cap_amb"},
    "inventory_entry": {12: "plugins_entry", 13: "dump_criu_run_id", 14: "allow_uprobes"},
    "memfd_inode_entry": {9: "mode"},
    "pagemap_entry": {5: "nr_pages"},
    "task_core_entry": {21: "stop_signo", 22: "membarrier_registration_mask"},
    "thread_core_entry": {16: "cg_set"},
    "user_x86_xsave_entry": {9: "cet"},
}
EXTENSIONS = 1000

VVAR, MEMFD = 1 << 12, 1 << 14  # in the status of a mapping
ERR_HUP = 8 | 16        # events that every epoll entry has

WIRE = {FD.TYPE_DOUBLE: 1, FD.TYPE_FIXED64: 1, FD.TYPE_SFIXED64: 1, FD.TYPE_FLOAT: 5,
        FD.TYPE_FIXED32: 5, FD.TYPE_SFIXED32: 5, FD.TYPE_STRING: 2, FD.TYPE_BYTES: 2,
        FD.TYPE_MESSAGE: 2}     # all others are varints

TREE = r"""
import ctypes, fcntl, json, mmap, os, resource, select, signal, socket, struct, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
fds, facts = {}, {}

def ok(value):
    if value == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return value

def u64(*numbers):
    return (ctypes.c_uint64 * len(numbers))(*numbers)

os.umask(0o27)
libc.prctl(15, b"crit tree", 0, 0, 0)
shared = mmap.mmap(-1, 3 * 4096)
shared[:6] = b"shared"

# ---- children: one that ends, one that stops, one with a filter and a group of its own
facts["zombie"] = os.fork()
if facts["zombie"] == 0:
    os._exit(7)
facts["stopped"] = os.fork()
if facts["stopped"] == 0:
    while True:
        signal.pause()
facts["filtered"] = os.fork()
if facts["filtered"] == 0:
    os.setpgid(0, 0)
    shared[4096:4102] = b"child "
    allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 1, ctypes.addressof(allow)))
    ok(libc.prctl(38, 1, 0, 0, 0))
    ok(libc.prctl(22, 2, ctypes.byref(program), 0, 0))
    open("filtered", "w").close()
    while True:
        signal.pause()
os.kill(facts["stopped"], signal.SIGSTOP)
os.waitid(os.P_PID, facts["stopped"], os.WSTOPPED)
os.waitid(os.P_PID, facts["zombie"], os.WEXITED | os.WNOWAIT)
while not os.path.exists("filtered"):
    time.sleep(0.001)

# ---- descriptors
fds["file"] = os.open("file", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
os.write(fds["file"], b"0123456789")
os.lseek(fds["file"], 5, 0)
fds["dup"] = os.dup(fds["file"])
fds["directory"] = os.open(".", os.O_RDONLY)
fds["null"] = os.open("/dev/null", os.O_WRONLY)
for name, text, size in (("ghost", b"seen by nobody", 14), ("holes", b"far", 100000)):
    fds[name] = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fds[name], text, size - len(text))
    os.unlink(name)
fds["pipe_r"], fds["pipe_w"] = os.pipe2(0)
os.write(fds["pipe_w"], b"in the pipe")
fds["packets_r"], fds["packets_w"] = os.pipe2(os.O_DIRECT)
os.write(fds["packets_w"], b"one")
os.write(fds["packets_w"], b"three")
os.mkfifo("fifo")
fds["fifo"] = os.open("fifo", os.O_RDWR)
os.write(fds["fifo"], b"in the fifo")
sockets = []
for kind, name in ((socket.SOCK_STREAM, "stream"), (socket.SOCK_DGRAM, "dgram")):
    a, b = socket.socketpair(socket.AF_UNIX, kind)
    sockets += [a, b]
    fds[name + "_a"], fds[name + "_b"] = a.fileno(), b.fileno()
    a.send(b"queued " + name.encode())
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind("socket")
listener.listen(9)
fds["listener"] = listener.fileno()
fds["eventfd"] = ok(libc.eventfd(77, 0))
fds["semaphore"] = ok(libc.eventfd(3, 1))
fds["signalfd"] = ok(libc.signalfd(-1, u64(1 << 9 | 1 << 11), 0))
fds["timerfd"] = ok(libc.timerfd_create(1, 0))
ok(libc.timerfd_settime(fds["timerfd"], 0, u64(30, 0, 5000, 0), None))
fds["memfd"] = os.memfd_create("in memory", os.MFD_ALLOW_SEALING)
os.ftruncate(fds["memfd"], 2 * 4096)
os.pwrite(fds["memfd"], b"in the memfd", 4096)
os.lseek(fds["memfd"], 33, 0)
seen_memfd = mmap.mmap(fds["memfd"], 2 * 4096, mmap.MAP_SHARED)
fcntl.fcntl(fds["memfd"], 1033, 4)      # F_ADD_SEALS, F_SEAL_GROW
poll = select.epoll()
fds["epoll"] = poll.fileno()
poll.register(fds["pipe_r"], select.EPOLLIN | select.EPOLLET)
poll.register(fds["eventfd"], select.EPOLLOUT)

# ---- memory, timers, signals, limits
os.ftruncate(fds["file"], 4096)
fcntl.lockf(fds["file"], fcntl.LOCK_EX, 7, 2)
mapped = mmap.mmap(fds["file"], 4096, mmap.MAP_SHARED)
signal.setitimer(signal.ITIMER_REAL, 5000, 70)
timer = ctypes.c_void_p()
ok(libc.timer_create(1, None, ctypes.byref(timer)))
ok(libc.timer_settime(timer, 0, u64(0, 0, 9000, 0), None))
signal.signal(signal.SIGHUP, lambda *_: None)
signal.signal(signal.SIGURG, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN])
os.kill(os.getpid(), signal.SIGUSR1)
ok(libc.sigqueue(os.getpid(), int(signal.SIGRTMIN), ctypes.c_void_p(4711)))
resource.setrlimit(resource.RLIMIT_NOFILE, (500, 1000))
facts["nice"] = os.nice(3)
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])

def rest():
    signal.pthread_kill(threading.get_ident(), signal.SIGUSR2)   # pending for this thread alone
    libc.prctl(15, b"one that rests", 0, 0, 0)
    facts["thread"] = threading.get_native_id()
    while True:
        time.sleep(1000)

threading.Thread(target=rest, daemon=True).start()
while "thread" not in facts:
    time.sleep(0.001)
while open(f"/proc/self/task/{facts['thread']}/stat").read().rpartition(")")[2].split()[0] != "S":
    time.sleep(0.001)
facts.update(pid=os.getpid(), fds=fds, shared=os.path.abspath("socket"))
with open("ready.new", "w") as f:
    json.dump(facts, f)
os.rename("ready.new", "ready")
while True:
    signal.pause()
"""


class Failure(Exception):
    pass


wrong = []


def check(truth, text):
    if not truth:
        raise Failure(text)


def equal(found, wanted, what):
    """A difference is told, and the test goes on."""
    if found != wanted:
        if isinstance(found, set):
            found, wanted = found - wanted, wanted - found
        wrong.append(f"{what}: {found!r} instead of {wanted!r}")


# ---------------------------------------------------------------- the tree

class Job:
    """The tree, started from a session leader that has a terminal."""

    def __init__(self):
        self.facts, self.pids = {}, []
        self.leader, self.master = pty.fork()
        if self.leader == 0:
            os.execv("/bin/sh", ["sh", "-c", '"$1" -c "$2"; exit', "sh", "/usr/bin/python3", TREE])

    def get_ready(self):
        deadline = time.monotonic() + TIMEOUT
        while not os.path.exists("ready"):
            if time.monotonic() > deadline or os.waitpid(self.leader, os.WNOHANG)[0]:
                raise Failure(f"the tree does not get ready: {self.said()}")
            time.sleep(0.002)
        with open("ready") as f:
            self.facts = json.load(f)
        self.pids = [self.facts[who] for who in ("pid", "zombie", "stopped", "filtered")]

    def said(self):
        os.set_blocking(self.master, False)
        with contextlib.suppress(OSError):
            return os.read(self.master, 10000).decode(errors="replace")

    def close(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if stat(pid)[3] == str(self.leader):
                    os.kill(int(pid), signal.SIGKILL)
        os.close(self.master)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()


def stat(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rpartition(")")[2].split()


def mappings(pid):
    with open(f"/proc/{pid}/maps") as f:
        spans = [(line.split()[0].split("-"), line) for line in f]
    return [(int(start, 16), int(end, 16)) for (start, end), line in spans
            if "[vvar" not in line]


def descriptors(pid):
    return sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))


# ---------------------------------------------------------------- bytes

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def put_varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def known(message, descriptor, name):
    """A packed message without what this crit cannot know; everything else it must know."""
    at, kept = 0, b""
    while at < len(message):
        begin = at
        tag, at = varint(message, at)
        number, wire = tag >> 3, tag & 7
        body = at
        if wire == 0:
            at = varint(message, at)[1]
        elif wire == 2:
            size, body = varint(message, at)
            at = body + size
        else:
            at += {1: 8, 5: 4}[wire]
        field = descriptor.fields_by_number.get(number)
        if field is None:
            if number < EXTENSIONS and number not in LATER.get(descriptor.name, {}):
                wrong.append(f"{name}: {descriptor.name} has no field {number}")
            continue
        equal(wire, WIRE.get(field.type, 0), f"{name}: encoding of {descriptor.name}.{field.name}")
        if field.type == FD.TYPE_MESSAGE:
            inner = known(message[body:at], field.message_type, name)
            kept += put_varint(tag) + put_varint(len(inner)) + inner
        else:
            kept += message[begin:at]
    return kept


class Records:
    """The records of an image, one by one, each made again without what crit cannot know."""

    def __init__(self, name, data):
        self.name, self.data, self.out = name, data, b""
        self.at = 4 if name == "inventory.img" else 8
        self.out = data[:self.at]

    def more(self):
        return self.at < len(self.data)

    def next(self, kind):
        size = int.from_bytes(self.data[self.at:self.at + 4], "little")
        self.at += 4 + size
        check(self.at <= len(self.data), f"{self.name}: a record is longer than the image")
        message = known(self.data[self.at - size:self.at], kind.DESCRIPTOR, self.name)
        self.out += len(message).to_bytes(4, "little") + message
        return kind.FromString(message)

    def bytes(self, size):
        check(self.at + size <= len(self.data), f"{self.name}: bytes are missing")
        self.out += self.data[self.at:self.at + size]
        self.at += size


def without_unknown(name, stem, data):
    records, pb = Records(name, data), pycriu.images.images.pb
    if stem == "ghost-file":
        ghost = records.next(pb.ghost_file_entry)
        while records.more() and ghost.chunks:
            records.bytes(records.next(pb.ghost_chunk_entry).len)
        records.bytes(len(data) - records.at)
    elif MAGIC[stem] == "PAGEMAP":
        records.next(pb.pagemap_head)
        while records.more():
            records.next(pb.pagemap_entry)
    else:
        payload = {"pipes-data": "bytes", "fifo-data": "bytes", "sk-queues": "length"}.get(stem)
        kind = pycriu.images.images.handlers[MAGIC[stem]].payload
        while records.more():
            entry = records.next(kind)
            records.bytes(getattr(entry, payload) if payload else 0)
    return records.out


# ---------------------------------------------------------------- images

def stem_of(name):
    return re.sub(r"(-[0-9a-f]+)?(\.img)?$", "", name) if not name.startswith("stats") else name


def crit(*args):
    done = subprocess.run(["crit", *args], stdin=subprocess.DEVNULL, capture_output=True,
                          check=False)
    check(done.returncode == 0, f"crit {' '.join(args)}: {done.stderr.decode()[-600:]}")
    return done.stdout


def round_trip(path, by_hand):
    """The decoded image. crit itself is slow to start: it has one image of each kind."""
    name = os.path.basename(path)
    with open(path, "rb") as f:
        data = f.read()
    stem = stem_of(name)
    check(stem in MAGIC, f"{path}: this kind of image is new to this test")
    try:
        image = pycriu.images.loads(data)
        pycriu.images.loads(data, pretty=True)
        again = pycriu.images.dumps(json.loads(json.dumps(image)))
    except Exception as error:  # pylint: disable=broad-except
        wrong.append(f"{path}: crit fails: {error!r}")
        return None
    equal(image["magic"], MAGIC[stem], f"{path}: magic")
    expected = without_unknown(name, stem, data)
    if again != expected:
        wrong.append(f"{path}: {len(again)} bytes come back, and not the {len(expected)} that were "
                     "written")
    if by_hand:
        crit("decode", "-i", path, "-o", "image.json")
        with open("image.json") as f:
            equal(json.load(f), image, f"{path}: crit decode")
        crit("encode", "-i", "image.json", "-o", "image.again")
        with open("image.again", "rb") as f:
            equal(f.read(), expected, f"{path}: crit encode")
    return image


def all_images(directory, by_hand=True):
    """{name: entries}"""
    found, seen = {}, set()
    for name in sorted(os.listdir(directory)):
        stem = stem_of(name)
        if stem in RAW or not (name.endswith(".img") or name.startswith("stats-")):
            continue
        image = round_trip(f"{directory}/{name}", by_hand and stem not in seen)
        found[name] = image["entries"] if image else []
        seen.add(stem)
    return found


# ---------------------------------------------------------------- what they must say

def extra(entry):
    return base64.b64decode(entry["extra"])


def look(entries, **wanted):
    """The one entry that has these values."""
    found = [e for e in entries if all(e.get(key) == value for key, value in wanted.items())]
    check(len(found) == 1, f"{len(found)} entries with {wanted} in {entries}")
    return found[0]


def judge_tree(images, job, facts):
    pid = job["pid"]
    equal({e["pid"]: (e["ppid"], e["pgid"], e["sid"], e["threads"]) for e in images["pstree.img"]},
          {p: f["tree"] for p, f in facts.items()}, "pstree")
    for one, fact in facts.items():
        core = images[f"core-{one}.img"][0]
        equal(core["mtype"], "X86_64", f"core of {one}")
        equal(core["tc"]["task_state"], fact["state"], f"state of {one}")
    equal(images[f"core-{job['zombie']}.img"][0]["tc"]["exit_code"], 7 << 8, "exit code")
    for one in (pid, job["stopped"], job["filtered"]):
        vmas = [(v["start"], v["end"]) for v in images[f"mm-{one}.img"][0]["vmas"]
                if not v["status"] & VVAR]
        equal(set(vmas), set(facts[one]["maps"]), f"mappings of {one}")
        equal(images[f"fs-{one}.img"][0]["umask"], 0o27, f"umask of {one}")
        ids = images[f"ids-{one}.img"][0]
        fdinfo = images[f"fdinfo-{ids['files_id']}.img"]
        equal(sorted(e["fd"] for e in fdinfo), facts[one]["fds"], f"descriptors of {one}")
    equal(len({images[f"ids-{one}.img"][0]["vm_id"] for one in facts if one != job["zombie"]}), 3,
          "ids of memory")


def judge_core(images, job):
    core = images[f"core-{job['pid']}.img"][0]
    thread = images[f"core-{job['thread']}.img"][0]
    equal(core["tc"]["comm"], "crit tree", "comm")
    equal(thread["thread_core"]["comm"], "one that rests", "comm of the thread")
    equal(core["thread_core"]["sched_nice"], job["nice"], "nice")
    timers = core["tc"]["timers"]
    check(0 < timers["real"]["vsec"] <= 5000 and timers["real"]["isec"] == 70, f"timers {timers}")
    posix = look(timers["posix"], clock_id=1)
    check(0 < posix["vsec"] <= 9000 and posix["isec"] == 0, f"posix timer {posix}")
    equal(core["tc"]["rlimits"]["rlimits"][7], {"cur": 500, "max": 1000}, "RLIMIT_NOFILE")
    equal([siginfo(s)[0] for s in core["tc"]["signals_s"]["signals"]], [10, 34],
          "pending signals of the process")
    equal([siginfo(s)[0] for s in thread["thread_core"]["signals_p"]["signals"]], [12],
          "pending signals of the thread")
    equal(siginfo(core["tc"]["signals_s"]["signals"][1])[6], 4711, "value of the signal")
    equal(len(core["tc"]["sigactions"]), 62, "signal actions")
    equal(core["tc"]["sigactions"][22]["sigaction"], 1, "SIGURG is ignored")
    filtered = images[f"core-{job['filtered']}.img"][0]
    equal(filtered["thread_core"]["seccomp_mode"], "filter", "seccomp mode")
    equal(len(images["seccomp.img"][0]["seccomp_filters"]), 1, "filters")


def siginfo(signal_entry):
    raw = signal_entry["siginfo"]
    data = base64.b64decode(raw) if isinstance(raw, str) else bytes(raw)
    return struct.unpack_from("3i4xiiq", data) + struct.unpack_from("24xq", data)


def judge_files(images, job):
    files = {e["id"]: e for e in images["files.img"]}
    ids = images[f"ids-{job['pid']}.img"][0]
    number = {e["fd"]: e for e in images[f"fdinfo-{ids['files_id']}.img"]}
    fd = {name: files[number[at]["id"]] for name, at in job["fds"].items()}
    here = os.getcwd()
    equal(number[job["fds"]["file"]]["id"], number[job["fds"]["dup"]]["id"], "one open file")
    reg = fd["file"]["reg"]
    equal((reg["name"], reg["pos"], reg["mode"] & 0o7777), (f"{here}/file", 5, 0o640), "file")
    equal(fd["directory"]["reg"]["name"], here, "directory")
    equal(fd["null"]["reg"]["name"], "/dev/null", "null")
    equal((fd["eventfd"]["efd"]["counter"], fd["semaphore"]["efd"]["counter"]), (77, 3), "eventfds")
    equal(fd["signalfd"]["sgfd"]["sigmask"], 1 << 9 | 1 << 11, "signalfd")
    timer = fd["timerfd"]["tfd"]
    check(timer["isec"] == 30 and 0 < timer["vsec"] <= 5000, f"timerfd {timer}")
    watches = {w["tfd"]: w for w in fd["epoll"]["epfd"]["tfd"]}
    events = {at: watch["events"] & ~ERR_HUP for at, watch in watches.items()}
    equal(events, {job["fds"]["pipe_r"]: 1 << 31 | 1, job["fds"]["eventfd"]: 4}, "epoll")
    equal(fd["pipe_r"]["pipe"]["pipe_id"], fd["pipe_w"]["pipe"]["pipe_id"], "ends of a pipe")
    stream = fd["stream_a"]["usk"], fd["stream_b"]["usk"]
    equal((stream[0]["peer"], stream[1]["peer"]), (stream[1]["ino"], stream[0]["ino"]), "peers")
    listener = fd["listener"]["usk"]
    equal((listener["backlog"], listener["state"]), (9, 10), "listener")
    check(listener["name"].startswith("socket"), f"listener {listener}")
    judge_contents(images, job, fd)
    judge_memfd(images, job, fd)
    judge_terminal(images, files, number)


def judge_contents(images, job, fd):
    pipes = images["pipes-data.img"]
    pipe = look(pipes, pipe_id=fd["pipe_r"]["pipe"]["pipe_id"])
    equal((pipe["bytes"], extra(pipe)), (11, b"in the pipe"), "pipe")
    equal(extra(look(pipes, pipe_id=fd["packets_r"]["pipe"]["pipe_id"])), b"onethree", "packets")
    equal([extra(e) for e in images["fifo-data.img"]], [b"in the fifo"], "fifo")
    queues = {e["id_for"]: extra(e) for e in images["sk-queues.img"]}
    equal(queues, {fd["stream_b"]["usk"]["id"]: b"queued stream",
                   fd["dgram_b"]["usk"]["id"]: b"queued dgram"}, "queues")
    remaps = {e["orig_id"]: e for e in images["remap-fpath.img"]}
    for name, size in (("ghost", 14), ("holes", 100000)):
        remap = remaps[fd[name]["reg"]["id"]]
        equal(remap.get("remap_type", "GHOST"), "GHOST", "remap")
        ghost = images[f"ghost-file-{remap['remap_id']:x}.img"]
        content = bytearray(size)
        for chunk in ghost[1:] or [{"off": 0, "len": size, "extra": ghost[0].get("extra")}]:
            content[chunk["off"]:chunk["off"] + chunk["len"]] = extra(chunk)
        wanted = {"ghost": b"seen by nobody", "holes": b"far"}[name]
        equal(bytes(content), wanted.rjust(size, b"\0"), f"contents of {name}")
        equal((ghost[0]["uid"], int(ghost[0]["mode"]) & 0o777), (os.getuid(), 0o600), name)
    shmid = [v["shmid"] for v in images[f"mm-{job['pid']}.img"][0]["vmas"]
             if v["end"] - v["start"] == 3 * 4096 and v["flags"] & 1 and v["shmid"] > 1]
    check(any(f"pagemap-shmem-{i}.img" in images for i in shmid), f"shared memory {shmid}")


def judge_memfd(images, job, fd):
    inode = look(images["memfd.img"], inode_id=fd["memfd"]["memfd"]["inode_id"])
    equal((inode["name"], inode["size"], inode["seals"]), ("in memory", 2 * 4096, 4), "memfd")
    equal(fd["memfd"]["memfd"]["pos"], 33, "position in a memfd")
    pages = images[f"pagemap-shmem-{inode['shmid']}.img"]
    equal([(e["vaddr"], e["nr_pages"]) for e in pages[1:]], [(4096, 1)], "pages of a memfd")
    mapped = [v["shmid"] for v in images[f"mm-{job['pid']}.img"][0]["vmas"] if v["status"] & MEMFD]
    equal([look(images["files.img"], id=i)["memfd"]["inode_id"] for i in mapped],
          [inode["inode_id"]], "memfd of a mapping")


def judge_locks(images, job):
    lock = look(images["filelocks.img"], pid=job["pid"])
    equal((lock["fd"], lock["start"], lock["len"]), (job["fds"]["file"], 2, 7), "lock")


def judge_terminal(images, files, number):
    tty = files[number[0]["id"]]["tty"]
    info = look(images["tty-info.img"], id=tty["tty_info_id"])
    equal(info["type"], "PTY", "terminal")


def facts_of(pid):
    fields = stat(pid)
    dead = fields[0] == "Z"
    return {"state": {"Z": 2, "T": 3}.get(fields[0], 1),
            "tree": (int(fields[1]), int(fields[2]), int(fields[3]),
                     sorted(map(int, os.listdir(f"/proc/{pid}/task")))),
            "maps": [] if dead else mappings(pid), "fds": [] if dead else descriptors(pid)}


def own_tree():
    job = Job()
    try:
        job.get_ready()
        facts = {pid: facts_of(pid) for pid in job.pids}
        root = facts[job.facts["pid"]]
        root["tree"] = (0, *root["tree"][1:])
        os.mkdir("images")
        done = subprocess.run([CRL, "dump", "-t", str(job.facts["pid"]), "-D", "images", "-R",
                               "--shell-job", "--file-locks"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        check(done.returncode == 0, f"dump: {done.stderr}")
    finally:
        job.close()
    images = all_images("images")
    equal({stem_of(name) for name in images}, set(MAGIC), "kinds of images")
    if not wrong:
        judge_tree(images, job.facts, facts)
        judge_core(images, job.facts)
        judge_files(images, job.facts)
        judge_locks(images, job.facts)


def others(top):
    """Dumps that somebody else has made."""
    count = 0
    for directory, _, names in os.walk(top):
        if "inventory.img" in names:
            count += len(all_images(directory, by_hand=False))
    print(f"{count} images below {top}")


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.chmod(".", 0o755)
    try:
        own_tree()
        if "CRIT_IMAGES" in os.environ:
            others(os.environ["CRIT_IMAGES"])
    except Failure as failure:
        wrong.append(str(failure))
    print("".join(f"{line[:2000]}\n" for line in wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
