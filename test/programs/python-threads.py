# SPDX-License-Identifier: GPL-2.0-only
# Threads with locks, a queue, a barrier and variables of their own.
# dump-at: 80 250
import hashlib
import queue
import threading
import zlib

THREADS, ROUNDS = 8, 1500
local = threading.local()
lock = threading.Lock()
barrier = threading.Barrier(THREADS)
results = queue.Queue(maxsize=3)
shared = 0


def work(number):
    global shared
    local.digest = b"%d" % number
    for step in range(ROUNDS):
        for _ in range(100):
            local.digest = hashlib.sha256(local.digest).digest()
            with lock:
                shared += local.digest[0]
        barrier.wait()
        results.put((step, number, local.digest.hex()[:8]))


threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
for thread in threads:
    thread.start()
for step in range(ROUNDS):
    rows = sorted(results.get() for _ in range(THREADS))
    assert [row[:2] for row in rows] == [(step, n) for n in range(THREADS)], rows
    print(step, zlib.crc32(repr(rows).encode()), flush=True)
for thread in threads:
    thread.join()
print("shared", shared, "threads", threading.active_count())
