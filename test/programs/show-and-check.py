# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""crl show and crl check, on a small tree whose facts /proc tells."""
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys

CRL = os.environ["CRL"]
PAGE = os.sysconf("SC_PAGE_SIZE")
TIMEOUT = 30
NOBODY = 65534
ODD_FILE = b'o"d\\d\n\xff\xc3\xa9'
ODD_COMM = b'c"o\\m\n\xfe'
CLOEXEC = 0o2000000
BLOCKED = sum(1 << sig - 1 for sig in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2))
FEATURES = """mnt_id mem_dirty_track aio_remap timerfd tun tun_ns userns fdinfo_lock seccomp_suspend
seccomp_filters loginuid cgroupns autofs tcp_half_closed compat_cr uffd uffd-noncoop can_map_vdso
sk_ns sk_unix_file net_diag_raw nsid link_nsid kcmp_epoll timens external_net_ns clone3_set_tid
newifindex nftables has_ipt_legacy pidfd_store ns_pid apparmor_stacking network_lock_nftables
sockopt_buf_lock memfd_hugetlb move_mount_set_group openat2 get_rseq_conf ipv6_freebind
pagemap_scan timer_cr_ids overlayfs_maps breakpoints pagemap_scan_guard_pages""".split()

# The root says "ready" by SIGUSR1 to its parent, and answers each SIGUSR1 with one.
TREE = """
import ctypes, mmap, os, signal, sys, threading
tester = os.getppid()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP])
signal.signal(signal.SIGTERM, lambda *a: None)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
libc = ctypes.CDLL(None)
kept = open(%(file)r, "wb+")
kept.write(b"0123456789")
kept.flush()
passed = os.dup2(kept.fileno(), 20)
ends = os.pipe()
shared = mmap.mmap(-1, 200 * mmap.PAGESIZE)
for i in range(0, 200, 2):
    shared[i * mmap.PAGESIZE] = 1
memory = os.memfd_create("in memory", os.MFD_ALLOW_SEALING)
os.ftruncate(memory, 5 * mmap.PAGESIZE)
in_memory = mmap.mmap(memory, 5 * mmap.PAGESIZE)
in_memory[:5] = b"small"
turn = os.pipe()
if os.fork() == 0:
    libc.prctl(15, ctypes.c_char_p(%(comm)r))
    if os.fork() == 0:
        os.write(turn[1], b".")
        signal.sigwait([signal.SIGHUP])
        os._exit(0)
    os.write(turn[1], b".")
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
if (dead := os.fork()) == 0:
    os._exit(7)
os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
os.read(turn[0], 1)
os.read(turn[0], 1)
stuck = threading.Event()
threading.Thread(target=stuck.wait, daemon=True).start()
signal.setitimer(signal.ITIMER_REAL, 5000, 70)
os.kill(os.getpid(), signal.SIGUSR2)
while True:
    os.kill(tester, signal.SIGUSR1)
    signal.sigwait([signal.SIGUSR1])
"""

# Two tasks, each with a pipe whose other end is outside.
REFUSED = """
import os, signal
tester = os.getppid()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
first, second = int(os.environ["FIRST"]), int(os.environ["SECOND"])
turn = os.pipe()
if os.fork() == 0:
    os.close(first)
    os.write(turn[1], b".")
    signal.sigwait([signal.SIGUSR1])
    os._exit(0)
os.close(second)
os.read(turn[0], 1)
while True:
    os.kill(tester, signal.SIGUSR1)
    signal.sigwait([signal.SIGUSR1])
"""


class Failure(Exception):
    pass


def check(truth, text):
    if not truth:
        raise Failure(text)


def equal(found, wanted, what):
    if isinstance(found, set) and isinstance(wanted, set):
        found, wanted = found - wanted, wanted - found
    check(found == wanted, f"{what}: {found!r} instead of {wanted!r}")


def crl(*args, status=0, **how):
    done = subprocess.run([CRL, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60, **how)
    out, err = done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="replace")
    if status is not None:
        check(done.returncode == status,
              f"crl {' '.join(map(str, args))}: exit status {done.returncode}: {out[-500:]}{err}")
    return out, err, done.returncode


def crl_json(*args, **how):
    return json.loads(crl(*args, "--json", **how)[0])


class Tree:
    def __init__(self, program, fds=(), env=None):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        with open("said", "w") as said:
            self.child = subprocess.Popen(
                [sys.executable, "-c", program], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True, pass_fds=fds, env={**os.environ, **(env or {})})
        self.pid = self.child.pid
        self.heard("start")

    def heard(self, what):
        if not signal.sigtimedwait([signal.SIGUSR1], TIMEOUT):
            with open("said") as said:
                raise Failure(f"{what}: the tree does not answer: {said.read()}")

    def runs(self, what):
        """It does what it is asked to, and nobody traces it."""
        os.kill(self.pid, signal.SIGUSR1)
        self.heard(what)
        for pid in self.pids():
            equal(status(pid)["TracerPid"], "0", f"{what}: tracer of {pid}")

    def pids(self):
        found = [self.pid]
        for pid in found:
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/children") as f:
                    found += map(int, f.read().split())
        return found

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.child.wait()


# ---------------------------------------------------------------- facts

def read(path):
    with open(path, "rb") as f:
        return f.read()


def stat(pid):
    head, _, rest = read(f"/proc/{pid}/stat").rpartition(b")")
    rest = rest.split()
    return {"comm": head.partition(b"(")[2], "state": rest[0].decode(), "ppid": int(rest[1]),
            "pgid": int(rest[2]), "sid": int(rest[3])}


def status(pid):
    return dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").decode(
        errors="replace").splitlines() if ":\t" in line)


def maps(pid):
    """(start, end, perms, name), the vvar areas aside."""
    for line in read(f"/proc/{pid}/maps").splitlines():
        span, perms, _, _, _, *name = line.split(None, 5)
        name = name[0].replace(b"\\012", b"\n") if name else b""
        if not name.startswith(b"[vvar"):
            start, end = (int(x, 16) for x in span.split(b"-"))
            yield start, end, perms.decode(), name


def open_files(pid):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        info = read(f"/proc/{pid}/fdinfo/{fd}").decode(errors="replace")
        flags = int(re.search(r"^flags:\t(\d+)$", info, re.M)[1], 8)
        yield int(fd), os.readlink(os.fsencode(f"/proc/{pid}/fd/{fd}")), bool(flags & CLOEXEC)


def facts_of(pid):
    """Dumped trees run on, so the facts are those of the moment before."""
    alive = stat(pid)["state"] not in "ZX"
    return {"stat": stat(pid), "status": status(pid), "alive": alive,
            "tids": {int(t) for t in os.listdir(f"/proc/{pid}/task")},
            "maps": list(maps(pid)) if alive else [],
            "fds": list(open_files(pid)) if alive else [],
            "cwd": os.readlink(f"/proc/{pid}/cwd") if alive else None,
            "exe": os.readlink(f"/proc/{pid}/exe") if alive else None}


# ---------------------------------------------------------------- crl show

def name_of(state):
    return {"T": "stopped", "Z": "dead"}.get(state, "running")


def compare_task(task, facts):
    for key in ("ppid", "pgid", "sid"):
        if key != "ppid" or task["ppid"]:
            equal(task[key], facts["stat"][key], f"{key} of {task['pid']}")
    equal(os.fsencode(task["comm"]), facts["stat"]["comm"], "comm")
    equal(task["state"], name_of(facts["stat"]["state"]), f"state of {task['pid']}")
    equal(set(task["threads"]), facts["tids"], "threads")


def show_tree(images, facts, root):
    shown = crl_json("show", images)
    equal({t["pid"] for t in shown["tasks"]}, set(facts), "pids")
    check(shown["writer"].startswith("crl "), f"writer {shown['writer']}")
    equal(shown["tasks"][0]["pid"], root, "the first task")
    for task in shown["tasks"]:
        compare_task(task, facts[task["pid"]])
        equal(task["fds"], len(facts[task["pid"]]["fds"]), f"descriptors of {task['pid']}")
    dead = [t for t in shown["tasks"] if t["state"] == "dead"]
    equal([t["wait_status"] for t in dead], [7 << 8], "exit of the dead")
    sizes = {i["name"]: i["size"] for i in shown["images"]}
    equal(sizes, {n: os.path.getsize(f"{images}/{n}") for n in os.listdir(images)}, "sizes")
    totals = shown["totals"]
    equal(totals["image_bytes"], sum(sizes.values()), "bytes of images")
    equal((totals["pages"] + totals["shared_pages"]) * PAGE,
          sum(n for name, n in sizes.items() if name.startswith("pages-")), "bytes of pages")
    equal(totals["shared_pages"], 101, "pages of shared memory")
    return shown


def show_text(images, facts):
    text = crl("show", images)[0]
    for pid, of in facts.items():
        line = re.search(rf"^ *{pid}  .*$", text, re.M)
        check(line and name_of(of["stat"]["state"]) in line[0], f"pid {pid} is not in: {text}")
    # It comes from a dump: nothing of it may reach the terminal as it is.
    check("\\_ c\"o\\m\\x0a" in text, f"the odd name is not in: {text}")
    for pid, of in facts.items():
        text = crl("show", images, str(pid))[0]
        for fd, target, _ in of["fds"]:
            check(target.startswith(b"pipe:") or re.search(rf"^ *{fd} ", text, re.M),
                  f"descriptor {fd} is not in: {text}")


def show_task(images, pid, facts, summary):
    shown = crl_json("show", images, str(pid))
    compare_task(shown, facts)
    if not facts["alive"]:
        return shown
    mapped = {(m["start"], m["end"], m["perms"]) for m in shown["mappings"]
              if m["kind"] not in ("vvar", "guard pages")}
    equal([m["pages"] for m in shown["mappings"] if m["kind"] == "shared memfd"], [1], "memfd")
    equal(mapped, {m[:3] for m in facts["maps"]}, f"mappings of {pid}")
    names = {m["start"]: m["name"] for m in shown["mappings"]}
    for start, _, _, name in facts["maps"]:
        if name.startswith(b"/") and not name.startswith(b"/dev/zero"):
            equal(os.fsencode(names[start] or ""), name.removesuffix(b" (deleted)"),
                  f"mapping at {start:#x}")
    equal(sum(m["pages"] for m in shown["mappings"]
              if m["kind"] not in ("shared memory", "shared memfd")),
          summary["pages"], f"pages of {pid}")
    found = {f["fd"]: f for f in shown["fds"]}
    equal(set(found), {fd for fd, _, _ in facts["fds"]}, f"descriptors of {pid}")
    for fd, target, cloexec in facts["fds"]:
        equal(found[fd]["cloexec"], cloexec, f"close-on-exec of {fd}")
        if target.startswith(b"/"):
            equal(os.fsencode(found[fd]["path"]), target.removesuffix(b" (deleted)"), f"file of {fd}")
        else:
            check(target.decode() in found[fd]["text"], f"{target} is not {found[fd]['text']}")
    equal(os.fsencode(shown["cwd"]), os.fsencode(facts["cwd"]), "cwd")
    equal(shown["program"], facts["exe"], "program")
    equal(shown["umask"], int(facts["status"]["Umask"], 8), "umask")
    equal(shown["credentials"]["uid"], [int(n) for n in facts["status"]["Uid"].split()], "uid")
    equal(shown["credentials"]["bounding"], int(facts["status"]["CapBnd"], 16), "capabilities")
    # /proc leaves out what sigwait(2) waits for.
    equal(shown["signals"]["blocked"], BLOCKED, f"blocked signals of {pid}")
    for ours, theirs in (("pending", "ShdPnd"), ("caught", "SigCgt"), ("ignored", "SigIgn")):
        equal(shown["signals"][ours], int(facts["status"][theirs], 16), f"{ours} signals of {pid}")
    return shown


def show_root(shown):
    shared = [m for m in shown["mappings"] if m["kind"] == "shared memory"]
    equal([m["pages"] for m in shared], [100], "pages of the shared mapping")
    timer = shown["timers"]["real"]
    check(0 < timer["left_us"] <= 5000 * 10**6 and timer["interval_us"] == 70 * 10**6,
          f"timer {timer}")
    same = [f for f in shown["fds"] if f["path"] and os.fsencode(f["path"]).endswith(ODD_FILE)]
    equal([f["cloexec"] for f in same], [True, False], "the two descriptors of one file")
    equal(same[0]["id"], same[1]["id"], "their file")


def show_images(images, facts):
    for name in os.listdir(images):
        shown = crl_json("show", images, name)
        equal(shown["size"], os.path.getsize(f"{images}/{name}"), f"size of {name}")
        check(crl("show", images, name)[0].startswith(name), f"the text of {name}")
        if name.startswith("pages-"):
            equal(shown["raw"], True, name)
            continue
        left = shown["size"] - sum(r["payload"] for r in shown["records"])
        check(left >= 4, f"{name}: payloads of {shown['records']}")
        if name.startswith("core-") and "tc" in shown["records"][0]["fields"]:
            pid = int(name[5:-4])
            equal(os.fsencode(shown["records"][0]["fields"]["tc"]["comm"]),
                  facts[pid]["stat"]["comm"], f"comm in {name}")
    equal(len(crl_json("show", images, "pstree")["records"]), len(facts), "records of pstree")
    for wrong in ("nosuch", "core-1.img", "../said", str(2**22 - 1), "9" * 30):
        check("crl: show" in crl("show", images, wrong, status=1)[1], f"show {wrong}")


def show_elsewhere(images, facts, root):
    """As somebody who may do nothing else, and without what the dump refers to."""
    shutil.copytree(images, "copy")
    os.unlink(ODD_FILE)
    how = {}
    if os.getuid() == 0:
        for name in os.listdir("copy"):
            os.chmod(f"copy/{name}", 0o644)
        os.chmod("copy", 0o755)
        how = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "env": {"HOME": "/"}}
    shown = crl_json("show", "copy", **how)
    equal({t["pid"] for t in shown["tasks"]}, set(facts), "pids for nobody")
    crl("show", "copy", str(root), **how)
    said = crl("check", "-D", "copy", status=1)[1]
    check("undamaged, but cannot be restored here" in said, f"check -D without a file: {said}")
    with open(ODD_FILE, "wb") as f:
        f.write(b"0123456789")
    crl("check", "-D", "copy")


# ---------------------------------------------------------------- damage

def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x10]))


def every_byte_counts(images):
    said = crl_json("check", "-D", images)
    check(said["ok"] and said["checksums"] and said["undamaged"], f"check -D: {said}")
    for name in sorted(os.listdir(images)):
        path = f"{images}/{name}"
        at = os.path.getsize(path) // 2
        flip(path, at)
        said = crl("check", "-D", images, status=1)[1]
        check(name in said, f"check -D with a flipped {name}: {said}")
        equal(crl_json("check", "-D", images, status=1)["undamaged"], False, name)
        if not name.startswith("pages-"):
            said = crl("show", images, name, status=1)[1]
            check(name in said, f"show {name}, flipped: {said}")
        flip(path, at)
        os.rename(path, "hidden")
        said = crl("check", "-D", images, status=1)[1]
        check(name in said, f"check -D without {name}: {said}")
        os.rename("hidden", path)
    crl("check", "-D", images)


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def without_field(message, number):
    """A packed message without one of its fields."""
    at, kept = 0, b""
    while at < len(message):
        begin = at
        tag, at = varint(message, at)
        if tag & 7 == 0:
            at = varint(message, at)[1]
        elif tag & 7 == 2:
            size, at = varint(message, at)
            at += size
        else:
            at += {1: 8, 5: 4}[tag & 7]
        if tag >> 3 != number:
            kept += message[begin:at]
    return kept


def strip_checksums(images):
    """Make it look like a dump of another program: damage is then for the parsers to find."""
    os.unlink(f"{images}/crl-sums.img")
    data = read(f"{images}/inventory.img")
    message = without_field(data[8:], 1000)
    with open(f"{images}/inventory.img", "wb") as f:
        f.write(data[:4] + len(message).to_bytes(4, "little") + message)


def survives(*args):
    _, err, status = crl(*args, status=None)
    check(status == 0 and not err or status == 1 and err.startswith("crl: "),
          f"{args}: exit status {status}: {err}")


def wrong_kinds(images, pid):
    """Files that say to be of a kind and hold another."""
    data = read(f"{images}/files.img")
    for kind in range(22):
        at, changed = 8, bytearray(data)
        while at < len(data):
            equal(data[at + 4], 0x08, "the field of the kind")
            changed[at + 5] = kind
            at += 4 + int.from_bytes(data[at:at + 4], "little")
        with open(f"{images}/files.img", "wb") as f:
            f.write(changed)
        survives("show", images, str(pid))
    with open(f"{images}/files.img", "wb") as f:
        f.write(data)


def nothing_crashes(images, pids):
    strip_checksums(images)
    said = crl_json("check", "-D", images)
    check(said["ok"] and not said["checksums"], f"check -D without checksums: {said}")
    equal(crl_json("show", images)["checksums"], False, "checksums")
    rng = random.Random(1)
    names = [n for n in sorted(os.listdir(images)) if not n.startswith("pages-")]
    for name in names:
        path = f"{images}/{name}"
        for _ in range(3):
            at = rng.randrange(os.path.getsize(path))
            flip(path, at)
            for args in (["show", images], ["show", images, name],
                         ["show", images, str(rng.choice(pids))], ["check", "-D", images]):
                survives(*args)
            flip(path, at)


# ---------------------------------------------------------------- crl check

def features():
    shown = crl_json("check", "--all")
    by_name = {f["name"]: f for f in shown["features"]}
    check(shown["ok"], f"required: {[f for f in by_name.values() if f['status'] == 'missing']}")
    for name in ("batch", "clone3_set_tid", "pipe", "credentials", "CAP_SYS_PTRACE",
                 "discover-children"):
        check(by_name.get(name, {}).get("status") == "ok", f"{name}: {by_name.get(name)}")
    text = crl("check")[0]
    check(re.search(r"^ok +batch ", text, re.M) and "uffd" not in text, text)
    for name in FEATURES:
        out, err, status = crl("check", "--feature", name, status=None)
        check((status, out) == (0, f"{name} is supported\n")
              or (status == 1 and not out and f"{name} is not supported: " in err),
              f"--feature {name}: {status} {out}{err}")
        if name in by_name:
            equal(status == 0, by_name[name]["status"] == "ok", f"--feature {name}, and --all")
    said = crl("check", "--feature", "nosuch", status=1)[1]
    check("no feature is called nosuch" in said, said)
    if os.getuid() == 0:
        weak = crl_json("check", status=1, user=NOBODY, group=NOBODY, extra_groups=[],
                        env={"HOME": "/"})
        missing = {f["name"] for f in weak["features"] if f["status"] == "missing"}
        check({"CAP_CHECKPOINT_RESTORE", "CAP_SYS_PTRACE", "clone3_set_tid", "map_files",
               "seccomp"} <= missing and "ptrace" not in missing, f"for nobody: {missing}")
        said = crl("check", "--feature", "seccomp_filters", status=1, user=NOBODY, group=NOBODY,
                   extra_groups=[], env={"HOME": "/"})[1]
        check("seccomp_filters is not supported: " in said and "CAP_SYS_ADMIN" in said, said)
        said = crl("check", status=1, user=NOBODY, group=NOBODY, extra_groups=[],
                   env={"HOME": "/"})[0]
        check(re.search(r"^MISSING +clone3_set_tid .*CAP_CHECKPOINT_RESTORE", said, re.M), said)


def good_tree(tree):
    said = crl_json("check", "-t", str(tree.pid), env={**os.environ, "TMPDIR": os.getcwd()})
    equal(said, {"pid": tree.pid, "ok": True, "obstacles": []}, "check -t")
    check("nothing stands in the way" in crl("check", "-t", str(tree.pid))[0], "check -t")
    tree.runs("after check -t")
    check(not [n for n in os.listdir(".") if n.startswith("crl-check-")], "scratch is left")
    crl("check", "-t", "999999999", status=1)
    crl("check", "-t", str(tree.pid), "-D", ".", status=1)


def bad_tree():
    first, second = os.pipe(), os.pipe()
    tree = Tree(REFUSED, (first[1], second[1]),
                {"FIRST": str(first[1]), "SECOND": str(second[1])})
    try:
        said = crl_json("check", "-t", str(tree.pid), status=1)
        equal(said["ok"], False, "check -t")
        equal(sorted(o["pid"] for o in said["obstacles"]), sorted(tree.pids()), "who is refused")
        for one in said["obstacles"]:
            number = {tree.pid: first[1]}.get(one["pid"], second[1])
            check(f"fd {number} (pipe:" in one["what"] and one["remedy"], f"obstacle {one}")
        lines = crl("check", "-t", str(tree.pid), status=1)[0].splitlines()
        equal(lines, [f"pid {o['pid']} ({o['comm']}) {o['what']}; {o['remedy']}"
                      for o in said["obstacles"]], "the text")
        tree.runs("after a refusal")
        os.mkdir("refused")
        said = crl("dump", "-t", str(tree.pid), "-D", "refused", status=1)[1]
        check(all(line in said for line in lines), f"dump says {said}, check -t {lines}")
        tree.runs("after a refused dump")
    finally:
        tree.end()


def main():
    os.chmod(".", 0o755)    # somebody without privileges will look into it
    features()
    bad_tree()
    tree = Tree(TREE % {"file": os.path.join(os.fsencode(os.getcwd()), ODD_FILE),
                        "comm": ODD_COMM})
    try:
        good_tree(tree)
        facts = {pid: facts_of(pid) for pid in tree.pids()}
        os.mkdir("images")
        crl("dump", "-R", "-t", str(tree.pid), "-D", "images")
        tree.runs("after the dump")
        summary = show_tree("images", facts, tree.pid)
        show_text("images", facts)
        for task in summary["tasks"]:
            shown = show_task("images", task["pid"], facts[task["pid"]], task)
            if task["pid"] == tree.pid:
                show_root(shown)
                tid = max(task["threads"])
                check(f"thread of pid {tree.pid}" in crl("show", "images", str(tid), status=1)[1],
                      "show of a thread")
        show_images("images", facts)
        show_elsewhere("images", facts, tree.pid)
        every_byte_counts("images")
        nothing_crashes("copy", sorted(facts))
        wrong_kinds("copy", tree.pid)
    finally:
        tree.end()


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))
