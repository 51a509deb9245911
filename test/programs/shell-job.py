# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""Jobs of an interactive shell, dumped and restored on its terminal with --shell-job.

The shell is a real bash on a pty of ours, so we are the user: what we type goes to its
foreground group. A program that reads key by key, a shell in the shell with a stopped job,
and a shell that leads the session itself.
"""
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

CRL = os.environ["CRL"]
TIMEOUT = 30
SHELL = ["bash", "--norc", "--noprofile", "--noediting", "-i"]
PROMPT = "ready%"

KEYS = r'''
import os, sys, tty
tty.setcbreak(0)
print("pid", os.getpid(), flush=True)
with open("/dev/tty", "wb", 0) as terminal:
    while True:
        key = os.read(0, 1).decode()
        if key == "q":
            sys.exit(3)
        size = os.get_terminal_size(0)
        front = os.tcgetpgrp(0) == os.getpgrp()
        terminal.write(f"<{key} {size.columns}x{size.lines} {front}>".encode())
'''


class Failure(Exception):
    pass


class Terminal:
    """A pty with a program that leads a session on it."""

    def __init__(self, argv):
        self.seen = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.environ["PS1"] = "ready%"
            os.environ["LC_ALL"] = "C"
            os.execvp(argv[0], argv)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern):
        """What comes up to the pattern is taken; the match is returned."""
        deadline = time.monotonic() + TIMEOUT
        while not (match := re.search(pattern, self.seen)):
            left = max(0, deadline - time.monotonic())
            if not select.select([self.master], [], [], left)[0]:
                raise Failure(f"waited for {pattern!r} and saw {self.seen!r}")
            try:
                self.seen += os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                raise Failure(f"hung up; waited for {pattern!r}, saw {self.seen!r}") from None
        self.seen = self.seen[match.end():]
        return match

    def expect_reader(self, name):
        """The program in the foreground is this one, and waits for input."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            with contextlib.suppress(OSError):
                pid = os.tcgetpgrp(self.master)
                with open(f"/proc/{pid}/comm") as comm, open(f"/proc/{pid}/syscall") as call:
                    if comm.read() == name + "\n" and call.read().startswith("0 0x0 "):
                        return
            if time.monotonic() > deadline:
                raise Failure(f"{name} does not come to read")
            time.sleep(0.001)

    def resize(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", lines, columns, 0, 0))

    def size(self):
        size = os.get_terminal_size(self.master)
        return size.columns, size.lines

    def cooked(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ICANON)

    def expect_end(self, status):
        """Of what leads the session; others may go on in it."""
        found = self.wait()
        if found != status:
            with contextlib.suppress(Failure):
                self.expect("$^")   # all it has said
            raise Failure(f"exit status {found}: {self.seen}")

    def wait(self):
        pid, self.pid = self.pid, None
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.master)
        if self.pid:
            self.wait()


def check(truth, text):
    if not truth:
        raise Failure(text)


def dump(pid, images, *options):
    os.makedirs(images, exist_ok=True)
    done = subprocess.run([CRL, "dump", "-t", str(pid), "-D", images, *options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


def must_dump(pid, images):
    status, said = dump(pid, images, "--shell-job")
    check(status == 0, f"dump: exit status {status}: {said}")


def refused_without_option(pid):
    status, said = dump(pid, "refused")
    check(status == 1, f"without --shell-job the dump ends with status {status}: {said}")
    check("--shell-job" in said, f"the refusal does not name --shell-job: {said}")
    check(not os.listdir("refused"), "the refused dump left files")


def program_that_reads_keys():
    """Settings, size and foreground come back; its exit status arrives at the shell."""
    with open("keys.py", "w") as f:
        f.write(KEYS)
    shell = Terminal(SHELL)
    try:
        shell.expect(PROMPT)
        shell.resize(77, 33)
        shell.type("python3 keys.py\n")
        pid = int(shell.expect(r"pid (\d+)\r\n")[1])
        shell.type("a")
        shell.expect("<a 77x33 True>")
        refused_without_option(pid)
        shell.type("b")
        shell.expect("<b 77x33 True>")
        must_dump(pid, "keys")
        shell.expect("Killed")
        shell.expect(PROMPT)
        check(shell.cooked(), "the shell has not set up its terminal")
        shell.resize(50, 20)
        shell.type(f"{CRL} restore --shell-job -D keys < /dev/null\n")
        shell.expect("--shell-job: standard input is no terminal")
        shell.expect(PROMPT)
        shell.type(f"{CRL} restore -D keys\n")
        shell.expect("pass --shell-job")
        shell.expect(PROMPT)
        check(shell.cooked() and shell.size() == (50, 20), "a refused restore changed the terminal")
        shell.type(f"{CRL} restore -j -D keys\n")
        shell.type("c")
        shell.expect("<c 77x33 True>")
        check(not shell.cooked(), "it was reading key by key")
        check(os.tcgetpgrp(shell.master) == pid, "it is not in the foreground")
        shell.type("q")
        shell.expect(PROMPT)
        shell.type("echo status $?\n")
        shell.expect(r"status 3\r\n")
    finally:
        shell.close()


def talk(shell, a, b):
    shell.type(f"echo $(({a} * {b})), $inside\n")
    shell.expect(rf"{a * b}, yes\r\n")
    shell.expect(PROMPT)


def shell_in_a_shell():
    """With a job of its own that it has stopped."""
    shell = Terminal(SHELL)
    try:
        shell.expect(PROMPT)
        shell.type(" ".join(SHELL) + "\n")
        shell.expect(PROMPT)
        shell.type("inside=yes; echo pid $$\n")
        pid = int(shell.expect(r"pid (\d+)\r\n")[1])
        shell.expect(PROMPT)
        shell.type("cat\n")
        shell.expect("cat\r\n")
        shell.expect_reader("cat")
        shell.type("one\n")
        shell.expect("one\r\none\r\n")
        shell.type("\x1a")
        shell.expect("Stopped")
        shell.expect(PROMPT)
        must_dump(pid, "inner")
        shell.expect("Killed")
        shell.expect(PROMPT)
        shell.type(f"{CRL} restore -j -D inner\n")
        talk(shell, 6, 7)
        shell.type("fg\n")
        shell.expect("fg\r\ncat\r\n")
        shell.type("two\n")
        shell.expect("two\r\ntwo\r\n")
        shell.type("\x04")
        shell.expect(PROMPT)
        shell.type("exit 5\n")
        shell.expect(PROMPT)
        shell.type("echo status $?, [$inside]\n")
        shell.expect(r"status 5, \[\]\r\n")
    finally:
        shell.close()


def leader_of_a_session():
    """It takes the terminal that crl led; a terminal that a shell has, it does not get."""
    shell = Terminal(SHELL)
    other = new = None
    try:
        shell.expect(PROMPT)
        shell.type("inside=yes\n")
        shell.expect(PROMPT)
        shell.type("cat\n")
        shell.expect("cat\r\n")
        shell.expect_reader("cat")
        must_dump(shell.pid, "leader")
        check(shell.wait() == -signal.SIGKILL, "the dumped shell was not killed")
        other = Terminal(SHELL)
        other.expect(PROMPT)
        other.type(f"{CRL} restore -j -D leader\n")
        other.expect("needs the terminal for itself")
        other.expect(PROMPT)
        other.type("echo unharmed $((1 + 1))\n")
        other.expect("unharmed 2")
        new = Terminal([CRL, "restore", "-j", "-d", "-D", "leader"])
        new.expect_end(0)
        new.type("three\n")
        new.expect("three\r\nthree\r\n")
        new.type("\x03")
        new.expect(PROMPT)
        talk(new, 8, 9)
        new.type("exec 9</dev/tty && echo mine\n")
        new.expect("mine\r\n")
    finally:
        for terminal in (shell, other, new):
            if terminal:
                terminal.close()


def main():
    for case in (program_that_reads_keys, shell_in_a_shell, leader_of_a_session):
        try:
            case()
        except (Failure, OSError) as failure:
            print(f"{case.__name__}: {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
