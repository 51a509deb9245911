# SPDX-License-Identifier: GPL-2.0-only
# A named block in /dev/shm, a resource tracker beside it, and a pool of workers that
# write into it.
# leaves: /dev/shm/crl-test-{pid}
# dump-at: 40 120
import multiprocessing as mp
import os
import zlib
from multiprocessing import shared_memory

ROWS, WIDTH = 300, 16384


def fill(job):
    name, row = job
    block = shared_memory.SharedMemory(name=name)
    x = row + 1
    for i in range(row * WIDTH, (row + 1) * WIDTH):
        x = (x * 69069 + 1) & 0xFFFFFFFF
        block.buf[i] = x >> 24
    block.close()
    return row


def main():
    context = mp.get_context("fork")
    block = shared_memory.SharedMemory(f"crl-test-{os.getpid()}", create=True, size=ROWS * WIDTH)
    try:
        with context.Pool(3) as pool:
            for row in pool.imap(fill, [(block.name, row) for row in range(ROWS)]):
                part = bytes(block.buf[row * WIDTH:(row + 1) * WIDTH])
                print(row, zlib.crc32(part), flush=True)
            pool.close()
            pool.join()
        print("all", zlib.crc32(bytes(block.buf[:ROWS * WIDTH])))
    finally:
        block.close()
        block.unlink()


if __name__ == "__main__":
    main()
