# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""Images that somebody has changed: refused, or read; never a crash, never a wait without end.

With checksums any single changed byte is refused, in whichever image, and where nobody reads
it `crl show` says the same as before. Without checksums, as in dumps of other programs,
anything may be said of them, but crl ends by itself with status 0 or 1. No process is made:
`crl check -D` judges as a restore does. HOSTILE_SEED repeats the changes of an earlier run,
HOSTILE_ROUNDS makes it longer.
"""
import json
import os
import random
import resource
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import refusals     # noqa: E402
from refusals import Tree, check, dump, read, run      # noqa: E402

SEED = int(os.environ.get("HOSTILE_SEED", time.time_ns() % 1000000))
ROUNDS = int(os.environ.get("HOSTILE_ROUNDS", 150))
CRL_FIELD, FILE_REG, REG_NAME, REG_SIZE, REG_MODE = 1000, 3, 6, 8, 10
TASKS = 300000
CPU_SECONDS = 10    # for a file of a few megabytes

HOLDS_FILE = "held = open('opened', 'w+'); held.write('text'); held.flush()"


# ---------------------------------------------------------------- messages

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 0x80:
            return value, at


def number(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def fields(message):
    """[(number, the whole field, value)]"""
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


def text_field(field, value):
    return number(field << 3 | 2) + number(len(value)) + value


def records(data):
    """The messages behind eight bytes of magic numbers."""
    at = 8
    while at < len(data):
        size, = struct.unpack_from("<I", data, at)
        yield data[at + 4:at + 4 + size]
        at += 4 + size


def image(magic, messages):
    return magic + b"".join(struct.pack("<I", len(m)) + m for m in messages)


# ---------------------------------------------------------------- a dump

class Dump:
    def __init__(self):
        tree = Tree(before=HOLDS_FILE)
        self.dir = "images"
        dump(tree)
        tree.check_gone()
        self.root = tree.pid
        self.files = {name: self.content(name) for name in sorted(os.listdir(self.dir))}
        self.listed = [name for name in self.files
                       if name.encode() in self.files["crl-sums.img"]]

    def content(self, name):
        with open(f"{self.dir}/{name}", "rb") as f:
            return f.read()

    def put(self, name, data):
        with open(f"{self.dir}/{name}", "wb") as f:
            f.write(data)

    def heal(self, name):
        self.put(name, self.files[name])

    def strip(self):
        """As another program would have written it."""
        data = self.files["inventory.img"]
        kept = b"".join(whole for field, whole, _ in fields(data[8:]) if field != CRL_FIELD)
        os.unlink(f"{self.dir}/crl-sums.img")
        del self.files["crl-sums.img"]
        self.files["inventory.img"] = image(data[:4], [kept])
        self.heal("inventory.img")

    def changes(self, rounds):
        """Change one byte at a time; (name, what was done)."""
        names = list(self.files)
        for turn in range(rounds):
            name = names[turn % len(names)]
            data = bytearray(self.files[name])
            if not data:
                continue
            at = random.randrange(len(data))
            data[at] ^= random.choice((1 << random.randrange(8), random.randrange(1, 256)))
            self.put(name, data)
            yield name, f"{name}, byte {at} changed, seed {SEED}"
            self.heal(name)


def ends(what, *args):
    """(status, what it printed), of a crl that must end by itself, with a reason if it fails."""
    status, out, said = run(*args)
    check(status in (0, 1), f"{what}: crl {' '.join(args)}: status {status}: {said}")
    check(status == 0 or said.startswith("crl: "), f"{what}: no reason: {said!r}")
    check(status or "--json" not in args or json.loads(out) is not None, what)
    return status, out


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


# ---------------------------------------------------------------- cases

def sealed(dump_):
    before = ends("unchanged", "show", "-D", dump_.dir, "--json")
    for name, what in dump_.changes(ROUNDS):
        status, _ = ends(what, "check", "-D", dump_.dir)
        if status == 0:
            check(name not in dump_.listed, f"{what}: accepted")
            check(ends(what, "show", "-D", dump_.dir, "--json") == before, f"{what}: shown")


def unsealed(dump_):
    for name, what in dump_.changes(ROUNDS):
        ends(what, "check", "-D", dump_.dir)
        ends(what, "show", "-D", dump_.dir, "--json")
        ends(what, "show", dump_.dir, str(dump_.root))
        ends(what, "show", dump_.dir, name)


def fifo(dump_):
    """A file is said to be where a fifo is: to open that would wait for a writer."""
    os.mkfifo("fifo")
    path = os.path.abspath("fifo").encode()
    data, found = dump_.files["files.img"], 0
    messages = []
    for message in records(data):
        out = b""
        for field, whole, value in fields(message):
            if field == FILE_REG and b"/opened" in value:
                found += 1
                kept = b"".join(w for f, w, _ in fields(value)
                                if f not in (REG_NAME, REG_SIZE, REG_MODE))
                whole = text_field(FILE_REG, kept + text_field(REG_NAME, path))
            out += whole
        messages.append(out)
    check(found, "the dump has no file called opened")
    dump_.put("files.img", image(data[:8], messages))
    status, out, said = run("check", "-D", dump_.dir)
    check(status == 1 and "fifo: it is no regular file" in said, f"a fifo: {status}: {said}")
    dump_.heal("files.img")


def many_tasks(dump_):
    """All but one are children of the first: whoever looks for parents one by one never ends."""
    data = dump_.files["pstree.img"]
    first = next(records(data))
    tasks = [first]
    for pid in range(1, TASKS):
        if pid != dump_.root:
            tasks.append(b"\x08" + number(pid) + b"\x10" + number(dump_.root)
                         + b"\x18\x01\x20\x01\x28" + number(pid))
    dump_.put("pstree.img", image(data[:8], tasks))
    before = cpu_seconds()
    check(ends("many tasks", "check", "-D", dump_.dir)[0] == 1, "many tasks: accepted")
    check(ends("many tasks", "show", dump_.dir)[0] == 1, "many tasks: shown")
    spent = cpu_seconds() - before
    check(spent < CPU_SECONDS, f"many tasks: it took {spent:.1f} s")
    dump_.heal("pstree.img")


def still_good(dump_):
    """Nothing of the above has stuck."""
    status, _, said = run("check", "-D", dump_.dir)
    check(status == 0, f"the unchanged dump: {said}")
    check(read("opened").startswith("text"), "the file has changed")


def main():
    random.seed(SEED)
    refusals.begin()
    one = Dump()
    return refusals.run_cases((
        (sealed, (one,)), (still_good, (one,)), (lambda d: d.strip(), (one,)),
        (unsealed, (one,)), (fifo, (one,)), (many_tasks, (one,)), (still_good, (one,))))


if __name__ == "__main__":
    sys.exit(main())
