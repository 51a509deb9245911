# SPDX-License-Identifier: GPL-2.0-only
"""One test in a worker process of its own: start, dump, restore, go on, judge.

The worker is a child subreaper, so whatever the test leaves behind becomes a
child of the worker, is noticed, and is killed. Nothing is polled for:
readiness is a byte and a hang-up on a fifo, death is a pidfd.
"""

import ctypes, json, os, platform, re, select, shlex, shutil, signal, subprocess, traceback
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
STOPS = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
SIZES = {"K": 1 << 10, "M": 1 << 20}


class Failure(Exception):
    pass


class Skip(Exception):
    pass


# ---- needs ----------------------------------------------------------------

def release(text):
    return [int(n) for n in re.findall(r"\d+", text)[:2]]


def lacking(need, test, args):
    """Why this need does not hold, or None."""
    kind, _, what = need.partition(":")
    if kind == "root":
        return None if test.uid == 0 else "needs root"
    if kind == "user":
        return None if test.uid else "needs an unprivileged user"
    if kind == "kernel":
        return None if release(platform.release()) >= release(what) else f"needs Linux {what}"
    if kind == "cpu":
        flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(errors="replace"), re.M)
        return None if flags and what in flags[1].split() else f"needs a cpu with {what}"
    if kind == "file":
        return None if os.path.exists(what) else f"needs {what}"
    if kind == "feature":
        if args.no_dump:
            return None
        crl = subprocess.run([args.crl, "check", "--feature", what], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True)
        said = (crl.stdout + crl.stderr).strip().replace("\n", "; ")
        return None if crl.returncode == 0 else f"needs {what}: {said}"
    raise Failure(f"unknown need {need!r}")


# ---- processes ------------------------------------------------------------

def prctl(option, value):
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def children(pid):
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(p) for p in path.read_text(errors="replace").split()]
        except OSError:  # a thread that is gone
            pass
    return found


def tree(pid):
    """{pid: (ppid, pgid, sid)} of a task and all below it; the root's parent is given as 0."""
    found, todo = {}, [pid]
    while todo:
        one = todo.pop()
        try:
            stat = Path(f"/proc/{one}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        found[one] = (int(stat[1]) if one != pid else 0, int(stat[2]), int(stat[3]))
        todo += children(one)
    return found


def reap(pid):
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return None


def wait_gone(pidfds):
    """Wait until all are dead; then every one of them is our child (a parent's death hands
    its children on before it shows in its pidfd), so that none stays as a zombie."""
    poll, left = select.poll(), dict(pidfds)
    fds = {fd: pid for pid, fd in left.items()}
    for fd in fds:
        poll.register(fd, select.POLLIN)
    while left:
        for fd, _ in poll.poll():
            poll.unregister(fd)
            left.pop(fds[fd])
    return {pid: reap(pid) for pid in pidfds}


def kill_descendants():
    """Kill and reap whatever is below us; the pids that had to be killed."""
    killed = set()
    while True:
        alive = [pid for pid in tree(os.getpid()) if pid != os.getpid()]
        for pid in alive:
            try:
                state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                if state not in "ZX":
                    killed.add(pid)
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return killed


# ---- one test -------------------------------------------------------------

class Run:
    """A test under way, in its worker: `home` is its own directory."""

    def __init__(self, test, home, args):
        self.test, self.home, self.args = test, home, args
        self.dir, self.out = home / "dir", home / "out"
        self.images, self.stage = None, "set-up"

    def prepare(self):
        self.home.mkdir()
        self.dir.mkdir()
        self.dir.chmod(0o777)
        os.mkfifo(self.home / "ready")
        (self.home / "ready").chmod(0o666)
        binary = Path(self.args.bin) / self.test.name
        if not binary.exists():
            raise Failure(f"{binary} is not built")
        self.binary = Path(shutil.copy(binary, self.home / self.test.name))
        self.binary.chmod(0o755)
        self.out.touch()
        if os.getuid() == 0:
            os.chown(self.out, self.test.uid, self.test.uid)
            os.chown(self.dir, self.test.uid, self.test.uid)

    def start(self):
        """Start the program and wait until it is ready."""
        ready = os.open(self.home / "ready", os.O_RDONLY | os.O_NONBLOCK)
        argv = [self.binary, f"dir={self.dir}", f"ready={self.home}/ready"]
        argv += [f"sabotage={self.test.sabotage}"] if self.test.sabotage else []
        user = dict(user=self.test.uid, group=self.test.uid, extra_groups=[]) \
            if os.getuid() == 0 and self.test.uid else {}
        with open(self.out, "ab") as out:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                     start_new_session=True, cwd=self.dir, umask=0o022,
                                     env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                                     **user)
        child.returncode = 0  # we reap by pid: the same pid comes back as another child
        self.pid = child.pid
        pidfd, poll = os.pidfd_open(self.pid), select.poll()
        poll.register(ready, select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        # The byte, then the hang-up: only then has the test closed its end.
        events = dict(poll.poll())
        while ready in events and not events[ready] & select.POLLHUP:
            if events[ready] & select.POLLIN:
                os.read(ready, 16)
            events = dict(poll.poll())
        early = pidfd in events
        os.close(ready)
        os.close(pidfd)
        if early:
            self.judge(reap(self.pid))
            raise Failure("exited before it was ready")

    def crl(self, command, *options):
        """Run crl; returns (exit status, what it said). Its output goes to a file: a pipe
        could be held open by what it restores."""
        said, self.stage = self.images / f"{command}.said", f"crl {command}"
        argv = [self.args.crl, command, *options, "-D", self.images, "-v4", "-o", f"{command}.log",
                *self.test.options(command)]
        with open(said, "wb") as out:
            status = subprocess.run(argv, stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=out).returncode
        text = said.read_text(errors="replace").strip()
        if status not in (0, 1):
            raise Failure(f"crl {command}: exit status {status}: {text}")
        return status, text

    def inspect(self):
        """How crl asks threads: one way for the tests of root, the other for the rest."""
        if self.args.inspect != "both":
            return self.args.inspect
        return "visit" if self.test.uid else "bpf"

    def dump(self):
        """Dump; returns the tree as it was before, or None when the dump was to fail."""
        before = tree(self.pid)
        pidfds = {pid: os.pidfd_open(pid) for pid in before} if not self.changing else \
            {self.pid: os.pidfd_open(self.pid)}
        expected, stays = self.test.keys.get("dump-fails"), self.args.leave_running
        status, text = self.crl("dump", "-t", str(self.pid), *["-R"] * stays,
                                "--inspect", self.inspect())
        if expected is not None:
            if status == 0 or expected not in text:
                raise Failure(f"dump: exit status {status}, expected {expected!r}, got {text!r}")
        elif status:
            raise Failure(f"crl dump: {text or 'exit status 1'}")
        else:
            self.check_size()
        if expected is None and not stays:
            wait_gone(pidfds)
            self.check_gone(before)
        else:
            self.check_same(before, "dump")
        for fd in pidfds.values():
            os.close(fd)
        return None if expected is not None else before

    def restore(self, before):
        pidfile = self.images / "pidfile"
        status, text = self.crl("restore", "-d", "--pidfile", pidfile)
        if status:
            raise Failure(f"crl restore: {text or 'exit status 1'}")
        if not pidfile.exists() or pidfile.read_text(errors="replace").strip() != str(self.pid):
            raise Failure(f"restore: the pidfile does not hold {self.pid}")
        self.check_same(before, "restore")

    @property
    def changing(self):
        return self.test.keys.get("tree") == "changing"

    def check_gone(self, before):
        left = [pid for pid in before if os.path.exists(f"/proc/{pid}")]
        if left and not self.changing:
            raise Failure(f"dump: still there: {left}")

    def check_same(self, before, what):
        after = tree(self.pid)
        if self.changing and self.pid in after:
            return
        for pid in sorted(before.keys() | after.keys()):
            if before.get(pid) != after.get(pid):
                raise Failure(f"{what}: pid {pid}: (ppid, pgid, sid) was {before.get(pid)}, "
                              f"is {after.get(pid)}")

    def check_size(self):
        limit = self.test.keys.get("max-dump")
        if not limit:
            return
        size = sum(f.stat().st_size for f in self.images.glob("**/*.img"))
        if size > int(limit.rstrip("KM")) * SIZES.get(limit[-1], 1):
            raise Failure(f"dump: the images take {size} bytes, more than {limit}")

    def judge(self, status):
        text = self.out.read_text(errors="replace")
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 77:
            raise Skip((re.findall(r"^SKIP: (.*)$", text, re.M) or ["no reason given"])[-1])
        wrong = re.search(r"^FAIL: (.*)$", text, re.M)
        if wrong:
            raise Failure(wrong[1])
        if status:
            raise Failure(f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else
                          f"exit status {os.WEXITSTATUS(status)}")
        if not re.search(r"^PASS$", text, re.M):
            raise Failure("no verdict")

    def whole(self):
        self.prepare()
        self.start()
        for i in range(0 if self.args.no_dump else self.args.iters):
            self.images = self.home / f"images-{i + 1}"
            self.images.mkdir(mode=0o700)
            before = self.dump()
            if before and not self.args.leave_running:
                self.restore(before)
        self.stage = "what follows SIGTERM"
        os.kill(self.pid, signal.SIGTERM)
        status = reap(self.pid)
        if status is None:
            raise Failure("the root is not a child of the runner")
        left = kill_descendants()
        self.judge(status)
        if left:
            raise Failure(f"left running: {sorted(left)}")

    def tails(self, count=20):
        """What is worth reading after a failure."""
        files = [self.out]
        if self.images:
            files += [self.images / name for name in
                      ("dump.said", "dump.log", "restore.said", "restore.log")]
        for path in files:
            if path.exists() and path.stat().st_size:
                lines = path.read_text(errors="replace").splitlines()[-count:]
                yield f"--- {path.name}"
                yield from lines


def verdict(run, result):
    """Run a test to its result; a test whose state is broken on purpose passes by failing."""
    test = run.test
    try:
        for need in test.needs:
            why = lacking(need, test, run.args)
            if why:
                raise Skip(why)
        run.whole()
        result["what"] = "passed"
        del result["why"]
    except Skip as skip:
        result.update(what="skipped", why=str(skip))
    except Failure as failure:
        result.update(what="failed", why=str(failure))
    except (KeyboardInterrupt, TimeoutError) as stop:
        result.update(what="failed", why=f"{stop}, during {run.stage}")
    except Exception:
        result.update(what="failed", why="runner: " + traceback.format_exc())
    if test.sabotage and result["what"] != "skipped":
        caught = result["what"] == "failed" and re.match(r"\S+\.c:\d+: ", result["why"])
        result["caught"] = result.get("why")
        result["what"] = "passed" if caught else "failed"
        if not caught:
            result["why"] = "not noticed by the test: " + str(result.get("caught") or "it passed")


def worker(test, home, args, pipe):
    """The life of a worker process; never returns."""
    def on_signal(number, frame):
        for other in STOPS:
            signal.signal(other, signal.SIG_IGN)
        if number == signal.SIGALRM:
            raise TimeoutError(f"no end after {limit} s")
        raise KeyboardInterrupt(f"interrupted by signal {number}")

    result = {"what": "failed", "why": "worker died"}
    limit = int(test.keys.get("timeout", args.timeout))
    for number in STOPS:
        signal.signal(number, on_signal)
    run = Run(test, home, args)
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        signal.alarm(limit)
        verdict(run, result)
    finally:
        signal.alarm(0)
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
        kill_descendants()
        if result["what"] == "failed":
            result["tails"] = list(run.tails())
        if not (args.keep and result["what"] == "failed"):
            shutil.rmtree(home, ignore_errors=True)
        os.write(pipe, json.dumps(result).encode())
        os._exit(0)
