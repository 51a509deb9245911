# SPDX-License-Identifier: GPL-2.0-only
# multiprocessing: an array in shared memory, a lock and a barrier that are semaphores in
# mapped files without a name, and a queue over a pipe.
# dump-at: 60 200
import multiprocessing as mp

WORKERS, ROUNDS, SLOTS = 4, 2500, 64


def work(number, array, total, barrier, out):
    for step in range(ROUNDS):
        for i in range(number, SLOTS, WORKERS):
            x = array[i]
            for _ in range(60):
                x = (x * 1103515245 + number + 12345) % 2147483648
            array[i] = x
            with total.get_lock():
                total.value += x % 1000
        barrier.wait()
        out.put((step, number))
    return number


def main():
    context = mp.get_context("fork")
    array = context.Array("l", range(SLOTS))
    total = context.Value("l", 0)
    barrier = context.Barrier(WORKERS)
    out = context.Queue()
    workers = [context.Process(target=work, args=(n, array, total, barrier, out))
               for n in range(WORKERS)]
    for worker in workers:
        worker.start()
    seen = {}
    for _ in range(WORKERS * ROUNDS):
        step, number = out.get()
        seen.setdefault(step, set()).add(number)
        if len(seen[step]) == WORKERS:
            print("step", step, flush=True)
    for worker in workers:
        worker.join()
        print("worker ended with", worker.exitcode)
    print("total", total.value, "array", list(array))


if __name__ == "__main__":
    main()
