# SPDX-License-Identifier: GPL-2.0-only
#
# drives: crl
#
"""A fifo whose other end is held outside of the tree: nothing is lost, nothing comes twice."""
import os
import select
import signal
import subprocess
import sys

CRL = os.environ["CRL"]
TIMEOUT = 30

READER = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
fd = os.open("fifo", os.O_RDONLY)
os.read(fd, 4)
os.close(1)
signal.sigwait([signal.SIGUSR1])
with open("got", "wb", 0) as out:
    while data := os.read(fd, 100):
        out.write(data)
"""

WRITER = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
fd = os.open("fifo", os.O_WRONLY)
os.write(fd, b"from the ")
os.close(1)
signal.sigwait([signal.SIGUSR1])
os.write(fd, b"writer")
"""


class Failure(Exception):
    pass


def check(truth, text):
    if not truth:
        raise Failure(text)


def crl(*args):
    done = subprocess.run([CRL, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60)
    check(done.returncode == 0, f"crl {args[0]}: exit status {done.returncode}: {done.stdout}")


class Tree:
    """A program in a directory of its own, which is made the current one."""

    def __init__(self, home, program):
        os.makedirs(home)
        os.chdir(home)
        os.mkfifo("fifo")
        with open("stderr", "w") as stderr:
            self.child = subprocess.Popen([sys.executable, "-c", program],
                                          start_new_session=True, stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, stderr=stderr)

    def ready(self):
        """It has closed its standard output."""
        check(select.select([self.child.stdout], [], [], TIMEOUT)[0], "it is not ready")
        self.child.stdout.close()
        check(self.child.poll() is None, "it has ended")

    def dump(self):
        os.mkdir("images")
        crl("dump", "-t", str(self.child.pid), "-D", "images")
        check(self.child.wait(10) == -signal.SIGKILL, "it was not killed")

    def restore(self):
        crl("restore", "-d", "-D", "images")

    def go_on(self):
        pidfd = os.pidfd_open(self.child.pid)
        os.kill(self.child.pid, signal.SIGUSR1)
        check(select.select([pidfd], [], [], TIMEOUT)[0], "the restored program does not end")
        os.close(pidfd)


def contents_of_a_reader(home, writer_stays):
    tree = Tree(home, READER)
    writer = os.open("fifo", os.O_WRONLY)
    os.write(writer, b"readleft, ")
    tree.ready()
    tree.dump()
    if not writer_stays:
        os.close(writer)    # and with it what the kernel had in the fifo
    tree.restore()
    if not writer_stays:
        writer = os.open("fifo", os.O_WRONLY)
    os.write(writer, b"last")
    os.close(writer)
    tree.go_on()
    with open("got", "rb") as f:
        got = f.read()
    check(got == b"left, last", f"the reader got {got}")


def contents_of_an_outside_reader(home):
    tree = Tree(home, WRITER)
    reader = os.open("fifo", os.O_RDONLY)
    tree.ready()
    tree.dump()
    first = os.read(reader, 5)
    tree.restore()
    tree.go_on()
    got = b""
    while data := os.read(reader, 100):
        got += data
    os.close(reader)
    check(first + got == b"from the writer", f"it got {first} and {got}")


def main():
    top = os.getcwd()
    try:
        contents_of_a_reader(f"{top}/stays", True)
        contents_of_a_reader(f"{top}/goes", False)
        contents_of_an_outside_reader(f"{top}/outside")
    except (Failure, OSError) as failure:
        print(f"{os.path.basename(os.getcwd())}: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
